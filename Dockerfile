# The base is the operator's choice: docker build --build-arg BASE=python:3.13-slim .
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
# uv and hatchling stay in this stage; what runs comes from requirements.lock, every file checked by its hash.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement requirements-build.lock \
 && python -m venv --without-pip /opt/ballast \
 && /opt/build/bin/uv pip sync --no-cache --compile-bytecode --require-hashes --python /opt/ballast/bin/python requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot ./bot
COPY migrations ./migrations
COPY config ./config
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /dist \
 && /opt/build/bin/uv pip install --no-cache --compile-bytecode --offline --no-deps --python /opt/ballast/bin/python /dist/*.whl

FROM ${BASE}
COPY --from=build /opt/ballast /opt/ballast
ENV PATH=/opt/ballast/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# The store's default address is data/ under the working directory, so it is the volume.
WORKDIR /
RUN install --directory --owner=10001 --group=10001 --mode=0750 /data
VOLUME /data
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s --retries=3 CMD ["ballast", "status", "--fresh"]
ENTRYPOINT ["ballast"]
CMD ["run"]
