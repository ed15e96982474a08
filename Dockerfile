# One static binary on a base without a shell. Railway's builder takes no
# RUN --mount, so the module download is a layer of its own.
FROM --platform=$BUILDPLATFORM golang:1.26-trixie AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY internal internal
COPY docs/embed.go docs/runbook.md docs/
ARG VERSION=dev
ARG RAILWAY_GIT_COMMIT_SHA=unknown
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=linux GOARCH=${TARGETARCH} go build -trimpath -tags nethttpomithttp2 \
    -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${RAILWAY_GIT_COMMIT_SHA}" \
    -o /sidecar ./cmd/sidecar

FROM gcr.io/distroless/static-debian13:nonroot
ARG VERSION=dev
ARG RAILWAY_GIT_COMMIT_SHA=unknown
LABEL org.opencontainers.image.title="pooler sidecar" \
    org.opencontainers.image.description="Watches a pooled database for everybody else, and never inside a lockout window" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${RAILWAY_GIT_COMMIT_SHA}"
COPY --from=build /sidecar /sidecar
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8080
# In every state of the database: a sidecar in a lockout is alive.
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["/sidecar", "healthcheck"]
ENTRYPOINT ["/sidecar"]
CMD ["serve"]
