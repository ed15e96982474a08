// The sidecar for a project's .railway/railway.ts (Railway's Infrastructure as
// Code), with the same settings as railway.toml and for the same reasons. That
// file describes the whole project: import this one there and add sidecar() to
// its resources, next to the services that exist.
//
// With a volume, healthcheckPath is "/health".
import { github, preserve, service } from "railway/iac";

export const sidecar = (repository: string) =>
  service("sidecar", {
    source: github(repository),
    build: { builder: "DOCKERFILE", dockerfilePath: "Dockerfile" },
    deploy: {
      healthcheckPath: "/readyz",
      healthcheckTimeout: 2400,
      numReplicas: 1,
      sleepApplication: false,
      drainingSeconds: 10,
      restartPolicyType: "ON_FAILURE",
      restartPolicyMaxRetries: 3,
    },
    env: {
      DATABASE_URL: preserve(),
      PORT: "8080",
      // The deployment before is asked for its window: see railway.toml.
      SIDECAR_INHERIT_URL: "http://${{RAILWAY_PRIVATE_DOMAIN}}:8080",
    },
  });
