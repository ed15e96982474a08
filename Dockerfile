# One static binary on a base without a shell. Railway's builder takes no
# RUN --mount, so the module download is a layer of its own.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY internal internal
COPY docs/embed.go docs/runbook.md docs/
ARG VERSION=dev
ARG RAILWAY_GIT_COMMIT_SHA=unknown
RUN CGO_ENABLED=0 go build -trimpath -tags nethttpomithttp2 \
    -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${RAILWAY_GIT_COMMIT_SHA}" \
    -o /sidecar ./cmd/sidecar

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /sidecar /sidecar
EXPOSE 8080
# In every state of the database: a sidecar in a lockout is alive.
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["/sidecar", "healthcheck"]
ENTRYPOINT ["/sidecar"]
CMD ["serve"]
