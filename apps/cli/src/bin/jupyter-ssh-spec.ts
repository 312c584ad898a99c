#!/usr/bin/env node
import { runSpecCli } from '../installer/run-spec-cli.ts';
import { runInProcess } from '../run-in-process.ts';

await runInProcess((context) => runSpecCli('ssh', context));
