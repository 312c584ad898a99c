/** Ends a command with exit code 1 and a message; what matters has been printed already. */
export class FailedCommand extends Error {
  override readonly name = 'FailedCommand';
}
