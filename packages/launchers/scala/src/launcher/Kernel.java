package launcher;

import java.util.Map;

/** What the comm channel needs of the kernel. */
interface Kernel {
  long pid();

  /** How the kernel ended, in the words of the protocol; null while it runs. */
  Map<String, Object> exit();

  /** Delivers a signal, of 1 to 64. Throws when that did not work. */
  void signal(int signum) throws Exception;

  /** The end of what the kernel wrote, of at most so many bytes as UTF-8. */
  String logTail(int maxBytes);

  /** Ends kernel and launcher: gently, and after five seconds by force. Returns at once. */
  void end();

  /** The gateway has learned how the kernel ended: nothing more need be waited for. */
  void exitWasTold();
}
