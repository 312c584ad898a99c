package launcher;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Keeps the last bytes of what is printed, which still goes where it went. */
final class LogTail {
  private static final int KEPT_BYTES = 8192;

  private final byte[] ring = new byte[KEPT_BYTES];
  private long written;

  static LogTail ofStandardStreams() {
    LogTail tail = new LogTail();
    System.setOut(tail.tee(System.out));
    System.setErr(tail.tee(System.err));
    return tail;
  }

  PrintStream tee(PrintStream original) {
    OutputStream both = new OutputStream() {
      @Override
      public void write(int b) {
        original.write(b);
        add(new byte[] {(byte) b}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int from, int length) {
        original.write(bytes, from, length);
        add(bytes, from, length);
      }

      @Override
      public void flush() {
        original.flush();
      }
    };
    return new PrintStream(both, true);
  }

  synchronized void add(byte[] bytes, int from, int length) {
    for (int i = Math.max(0, length - KEPT_BYTES); i < length; i++) {
      ring[(int) ((written + i) % KEPT_BYTES)] = bytes[from + i];
    }
    written += length;
  }

  /** The end of it, which as UTF-8 has at most so many bytes. */
  String tail(int maxBytes) {
    byte[] bytes = last(maxBytes);
    int from = 0;
    // Not from the middle of a character.
    while (from < bytes.length && (bytes[from] & 0xc0) == 0x80) from++;
    String text = new String(bytes, from, bytes.length - from, StandardCharsets.UTF_8);
    // What was no UTF-8 became marks of three bytes each.
    while (text.getBytes(StandardCharsets.UTF_8).length > maxBytes) {
      text = text.substring(text.offsetByCodePoints(0, 1));
    }
    return text;
  }

  private synchronized byte[] last(int maxBytes) {
    int length = (int) Math.min(Math.min(written, KEPT_BYTES), maxBytes);
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) bytes[i] = ring[(int) ((written - length + i) % KEPT_BYTES)];
    return bytes;
  }
}
