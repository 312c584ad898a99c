/** Ends the launcher with one line for people. */
export class LauncherError extends Error {
  override readonly name = 'LauncherError';
}
