// Prisma 7, whose adapter takes a pool: each new connection asks the sidecar first.
//
//   import { PrismaClient } from "./generated/prisma/client";
//   const prisma = new PrismaClient({ adapter: newAdapter({ connectionString: process.env.DATABASE_URL }) });
import { PrismaPg } from "@prisma/adapter-pg";
import { newPool } from "./node_pg.mjs";

export function newAdapter(config, gate) {
  return new PrismaPg(newPool(config, gate), { disposeExternalPool: true }); // $disconnect() ends the pool
}
