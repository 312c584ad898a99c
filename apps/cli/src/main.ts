#!/usr/bin/env node
import { runCli } from './run-cli.ts';
import { runInProcess } from './run-in-process.ts';

await runInProcess(runCli);
