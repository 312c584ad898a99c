import { LauncherError } from './launcher-error.ts';
import { USAGE } from './options.ts';
import { runLauncher } from './run-launcher.ts';

const argv = process.argv.slice(2);
const ownArguments = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
if (ownArguments.includes('--help') || ownArguments.includes('-h')) {
  process.stdout.write(USAGE);
  process.exit(0);
}

const stop = new AbortController();
let interrupt = (): void => {
  stop.abort('the launcher got SIGINT');
};
process.on('SIGTERM', () => {
  stop.abort('the launcher got SIGTERM');
});
process.on('SIGINT', () => {
  interrupt();
});
// The session in which we were started may end before the kernel does: that is not for it to decide.
process.on('SIGHUP', () => {
  if (process.stdin.isTTY) stop.abort('the launcher got SIGHUP');
});

const env = { ...process.env };
delete process.env['GP_LAUNCHER_V2'];
try {
  process.exitCode = await runLauncher({
    argv,
    env,
    stop: stop.signal,
    onInterruptible: (interruptKernel) => {
      interrupt = interruptKernel;
    },
  });
} catch (error) {
  const text = error instanceof LauncherError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`launch_kernel.mjs: ${text ?? 'unknown error'}\n`);
  process.exitCode = 1;
}
process.exit();
