// Requests to the pool of an example for Node, a line each.
import readline from "node:readline";
import { Gate, NotReady } from "./readiness.mjs";

const [kind, connectionString] = process.argv.slice(2);
let ahead = 0;
const gate = new Gate(undefined, () => performance.now() + ahead);
const prisma = kind === "prisma" && (await (await import("./node_prisma.mjs")).newAdapter({ connectionString, max: 10 }, gate).connect());
const pool = prisma ? prisma.underlyingDriver() : (await import("./node_pg.mjs")).newPool({ connectionString, max: 10 }, gate);
const get = prisma ? () => prisma.executeRaw({ sql: "SELECT 1", args: [], argTypes: [] }) : async () => (await pool.connect()).release();

for await (const line of readline.createInterface({ input: process.stdin })) {
  let said = "done";
  if (line === "get") said = await get().then(() => "ok", (why) => (why instanceof NotReady || String(why.cause?.originalMessage ?? why.message).includes("not ready") ? "NotReady" : String(why)));
  if (line === "lost") (await pool.connect()).release(true);
  if (line === "lost") ahead += 30_000;
  if (line === "many") said = (await Promise.allSettled(Array.from({ length: 10 }, () => pool.connect()))).filter((one) => one.status === "fulfilled").length + " of 10";
  console.log(said);
}
process.exit();
