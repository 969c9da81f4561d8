# One image for the API and the worker; the command decides which it is.
#   docker build --build-arg VARIANT=cpu  --build-arg TORCH_INDEX=<index or folder of CPU builds> .
#   docker build --build-arg VARIANT=cuda .
#   docker build --build-arg VARIANT=cuda --build-arg EXTRAS=demo,s3,grpc,openvino,postgresql,ray .
#     also runs as a machine of a Ray cluster
# The default package index carries CUDA builds of torch for Linux; a CPU build comes from the
# index that PyTorch's installation page names, or from a folder of wheels in the build context.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG VARIANT=cpu
ARG TORCH_INDEX=""
ARG EXTRAS="demo,s3,grpc,openvino,postgresql"
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/babelport
ENV PATH=/opt/babelport/bin:$PATH
WORKDIR /srv/babelport
COPY pyproject.toml README.md ./
COPY app ./app
COPY migrations ./migrations
# Editable, so that `migrations` stays beside `app`. The ranges in pyproject.toml are the pins.
# A wrong variant of torch is found here and not on the customer's machine.
# hadolint ignore=DL3013
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX" --find-links "$TORCH_INDEX"} \
        "torch>=2.10,<2.14" -e ".[${EXTRAS}]" \
    && python -c "import sys, torch; built = 'cuda' if torch.version.cuda else 'cpu'; \
sys.exit(0 if built == '${VARIANT}' else f'torch is a {built} build, VARIANT asks for ${VARIANT}: set TORCH_INDEX')"

FROM python:${PYTHON}-slim
RUN groupadd --system --gid 10001 babelport \
    && useradd --system --uid 10001 --gid babelport --home-dir /data babelport \
    && install -d -o babelport -g babelport /data
COPY --from=build /opt/babelport /opt/babelport
COPY --from=build /srv/babelport /srv/babelport
ENV PATH=/opt/babelport/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BABELPORT_DATA_DIR=/data \
    BABELPORT_HOST=0.0.0.0 \
    BABELPORT_PORT=8000
USER 10001:10001
WORKDIR /data
VOLUME /data
# HTTP, and gRPC where BABELPORT_GRPC_PORT=8001 asks for it.
EXPOSE 8000 8001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
CMD ["babelport", "up"]
