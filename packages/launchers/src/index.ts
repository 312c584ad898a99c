/**
 * The launchers: programs that run beside a kernel. This module only says where they are.
 * @module
 */
export { launchersDir, launcherPath } from './launcher-paths.ts';
export type { LauncherName } from './launcher-paths.ts';
