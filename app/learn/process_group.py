"""Replicas that talk through torch's default process group."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, distributed

from app.learn.replicas import Alone, Replicas


def replicas_of_this_process() -> Replicas:
    """Those of the process group that has been set up around us; alone where there is none."""
    if distributed.is_available() and distributed.is_initialized():
        return ProcessGroup()
    return Alone()


class ProcessGroup:
    """All processes of the default group, which must be able to carry tensors of the CPU."""

    def __init__(self) -> None:
        self.rank = distributed.get_rank()
        self.size = distributed.get_world_size()

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Sum in place, all tensors under way at once; every process gets the same bits."""
        sums = [tensor.contiguous() for tensor in tensors]
        for work in [distributed.all_reduce(each, async_op=True) for each in sums]:
            work.wait()
        for tensor, each in zip(tensors, sums, strict=True):
            if tensor is not each:
                tensor.copy_(each)

    @torch.no_grad()
    def spread(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite in place."""
        for tensor in tensors:
            whole = tensor.detach().contiguous()
            distributed.broadcast(whole, src=0)
            tensor.copy_(whole)

    def from_first(self, make: Callable[[], bytes]) -> bytes:
        """Carried as bytes, so that nothing is pickled."""
        made = make() if self.rank == 0 else b""
        length = torch.tensor([len(made)])
        self.spread([length])
        carried = torch.empty(int(length), dtype=torch.uint8)
        if self.rank == 0:
            carried = torch.frombuffer(bytearray(made), dtype=torch.uint8) if made else carried
        self.spread([carried])
        return carried.numpy().tobytes()
