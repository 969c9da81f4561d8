"""Embeddings stored in half, made whole once for all that is compiled of a graph."""

from __future__ import annotations

from typing import Any

import numpy as np


def widen_rows(model: Any) -> int:
    """Give the lookups in an `openvino.Model` tables in float32 where theirs are in float16.

    OpenVINO would do it for each compiled model anew, and would hold the table as often. Returns
    the bytes of the tables that were made.
    """
    from openvino import op

    made = 0
    for lookup in model.get_ops():
        if lookup.get_type_name() != "Gather":
            continue
        table = lookup.input_value(0).get_node()
        if table.get_type_name() != "Constant" or table.get_element_type().to_dtype() != np.float16:
            continue
        whole = op.Constant(table.get_data().astype(np.float32), shared_memory=True)
        lookup.input(0).replace_source_output(whole.output(0))
        made += whole.get_byte_size()
    if made:
        model.validate_nodes_and_infer_types()
    return made
