import { createRequire } from 'node:module';
import type * as Fastify from 'fastify';
import type * as Pino from 'pino';

// Both are CommonJS, some 120 files together. An import() of such a package makes Node parse its files for the names
// that they export before it runs them, which is a quarter of the CPU time of a start; require() just runs them.
const load = createRequire(import.meta.url);

export const { fastify } = load('fastify') as typeof Fastify;
export const { destination, pino } = load('pino') as typeof Pino;
