#!/usr/bin/env node
import { runImageCli } from '../image/run-image-cli.ts';
import { runInProcess } from '../run-in-process.ts';

await runInProcess(runImageCli);
