# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ libc6-dev make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The dependencies first, so that a change of the sources does not build them again.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --profile dist --locked && rm -rf src
COPY config config
COPY migrations migrations
COPY src src
RUN touch src/main.rs src/lib.rs && cargo build --profile dist --locked

FROM debian:bookworm-slim
# Tokens and Graph are reached over TLS, verified against the system's CA certificates.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home entra-scim
COPY --from=build /src/target/dist/entra-scim /usr/local/bin/entra-scim
USER 10001
WORKDIR /data
VOLUME /data
ENV ENTRA_SCIM__STORE__URL=sqlite:///data/entra-scim.db \
    ENTRA_SCIM__LOG__FORMAT=json \
    PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["entra-scim", "healthcheck"]
ENTRYPOINT ["entra-scim"]
CMD ["serve"]
