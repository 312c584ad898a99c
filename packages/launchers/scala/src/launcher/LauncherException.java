package launcher;

/** What the person who started the launcher must know: one line that says what to do. */
final class LauncherException extends RuntimeException {
  private static final long serialVersionUID = 1;

  LauncherException(String message) {
    super(message);
  }

  LauncherException(String message, Throwable cause) {
    super(message, cause);
  }
}
