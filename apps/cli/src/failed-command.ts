/** Ends a command with exit code 1 and a message; what matters has been printed already. */
export class FailedCommand extends Error {
  override readonly name = 'FailedCommand';
}

/** Ends a command with exit code 2: it was never begun, because it is not understood. */
export class WrongCommandLine extends Error {
  override readonly name = 'WrongCommandLine';
}
