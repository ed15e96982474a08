// The project on Railway: the sidecar, an API and a worker that wait for it, and
// nothing else that logs in. "railway config plan" shows what it would change,
// "railway config apply" changes it; docs/railway.md explains each choice.
import { defineRailway, github, preserve, project, service, type DeployConfig } from "railway/iac";

const repository = "OWNER/REPOSITORY"; // where this file lies
const projectRef = "iaketsyhmqbwaabgykux"; // the one project at Supabase that production may use

// Railway puts the values of ${{SERVICE.NAME}} in. A reference of the API, such as
// sidecar.env.PORT, is an object, and inside a text would be "[object Object]".
const addressOf = (name: string) => `http://\${{${name}.RAILWAY_PRIVATE_DOMAIN}}:\${{${name}.PORT}}`;

// Without a drain CMD would be killed in the middle of its work. A service that
// sleeps while it waits for the end of a window would miss it.
const manners = {
  restartPolicyType: "ON_FAILURE",
  restartPolicyMaxRetries: 10, // the brake of sidecar run keeps ten restarts harmless
  drainingSeconds: 30,
  sleepApplication: false,
} as const satisfies DeployConfig;

export default defineRailway(() => {
  const sidecar = service("sidecar", {
    source: github(repository),
    build: { builder: "DOCKERFILE", dockerfilePath: "Dockerfile" },
    // The new deployment takes over when the database is ready. The timeout outlasts
    // the longest window (35 minutes after a network ban): with the default of 300 s
    // every deploy inside a window would fail, the one with the cure included.
    // With a volume: "/health", since Railway then stops the old deployment first.
    healthcheck: "/readyz",
    healthcheckTimeout: 2400,
    replicas: 1, // one process speaks for one DSN: a second one doubles the logins
    deploy: {
      ...manners,
      restartPolicyMaxRetries: 3, // it ends with an error only for a bad variable
      overlapSeconds: 15, // who asks the old one meanwhile gets an answer
    },
    env: { // SUPABASE_MODE is "prod" by itself in the environment called production
      DATABASE_URL: preserve(), // set once, by hand: railway variable set DATABASE_URL --stdin --service sidecar
      SIDECAR_TOKEN: preserve(), // who may read /status and /
      SIDECAR_PROD_REF: projectRef,
      PORT: "8080",
      // The old deployment still answers there: the new one adopts its window.
      SIDECAR_INHERIT_URL: addressOf("sidecar"),
    },
  });

  // Both images have the binary at /sidecar (COPY --from, docs/workers.md).
  const asks = { SIDECAR_URL: addressOf("sidecar"), SIDECAR_PROD_REF: projectRef, DATABASE_URL: sidecar.env.DATABASE_URL };

  const api = service("api", {
    source: github(repository, { rootDirectory: "api" }),
    build: { builder: "DOCKERFILE", dockerfilePath: "Dockerfile" },
    start: "/sidecar run -- uvicorn app:app --host :: --port 8080",
    preDeploy: "/sidecar gate --no-connect", // judges the DSN and asks for a window; no login
    healthcheck: "/health", // the API's own, which asks no database
    healthcheckTimeout: 2400, // sidecar run starts it after the window
    deploy: { ...manners, overlapSeconds: 15 },
    env: { ...asks, PORT: "8080" },
  });

  const worker = service("worker", {
    source: github(repository, { rootDirectory: "worker" }),
    build: { builder: "DOCKERFILE", dockerfilePath: "Dockerfile" },
    start: "/sidecar run --stable 30s -- python worker.py", // after the API, and only if its logins are well
    preDeploy: "/sidecar gate --no-connect",
    deploy: manners,
    env: asks,
  });

  return project("dragonfly", { resources: [sidecar, api, worker] });
});
