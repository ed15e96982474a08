// pg: a pool that asks the sidecar before each new connection, and nobody while it works.
//
//   const pool = newPool({ connectionString: process.env.DATABASE_URL, max: 10 });
//   app.use((why, req, res, next) => why instanceof NotReady ? res.set("Retry-After", "30").sendStatus(503) : next(why));
import pg from "pg";
import { Gate, NotReady } from "./readiness.mjs";

export { NotReady };

export function newPool(config, gate = new Gate()) {
  class Client extends pg.Client {
    connect(done) { // as pg.Pool calls it
      const opened = gate.open(() => super.connect());
      return done ? void opened.then(() => done(), done) : opened;
    }
  }
  return new pg.Pool({ ...config, Client });
}
