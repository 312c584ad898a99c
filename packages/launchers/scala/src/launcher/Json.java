package launcher;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads and writes JSON (RFC 8259), as maps, lists, strings, Long, Double, Boolean and null.
 *
 * <p>The launcher has no library to itself: whichever Spark and Toree bring belongs to the kernel.
 */
final class Json {
  private static final int MAX_DEPTH = 64;
  private static final String WORD_ENDS = ",]} \t\r\n";

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /** Throws IllegalArgumentException when the text is not one JSON value. */
  static Object parse(String text) {
    Json reader = new Json(text);
    Object value = reader.value(0);
    reader.skipSpace();
    if (reader.at != text.length()) throw reader.unexpected();
    return value;
  }

  /** Throws IllegalArgumentException when the text is not one JSON object. */
  @SuppressWarnings("unchecked")
  static Map<String, Object> parseObject(String text) {
    Object value = parse(text);
    if (value instanceof Map) return (Map<String, Object>) value;
    throw new IllegalArgumentException("not a JSON object");
  }

  static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out);
    return out.toString();
  }

  private Object value(int depth) {
    if (depth > MAX_DEPTH) throw new IllegalArgumentException("JSON is nested too deeply");
    skipSpace();
    switch (peek()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      default:
        return word();
    }
  }

  private Map<String, Object> object(int depth) {
    Map<String, Object> members = new LinkedHashMap<>();
    at++;
    skipSpace();
    if (accept('}')) return members;
    do {
      skipSpace();
      if (peek() != '"') throw unexpected();
      String name = string();
      skipSpace();
      expect(':');
      members.put(name, value(depth + 1));
      skipSpace();
    } while (accept(','));
    expect('}');
    return members;
  }

  private List<Object> array(int depth) {
    List<Object> items = new ArrayList<>();
    at++;
    skipSpace();
    if (accept(']')) return items;
    do {
      items.add(value(depth + 1));
      skipSpace();
    } while (accept(','));
    expect(']');
    return items;
  }

  private String string() {
    StringBuilder out = new StringBuilder();
    for (at++; peek() != '"'; at++) {
      char c = text.charAt(at);
      if (c < ' ') throw unexpected();
      out.append(c == '\\' ? escaped() : c);
    }
    at++;
    return out.toString();
  }

  /** The character of an escape; leaves the position at its last one. */
  private char escaped() {
    at++;
    int index = "\"\\/bfnrt".indexOf(peek());
    if (index >= 0) return "\"\\/\b\f\n\r\t".charAt(index);
    if (peek() != 'u' || at + 4 >= text.length()) throw unexpected();
    int code = 0;
    for (int i = 0; i < 4; i++) {
      int digit = Character.digit(text.charAt(++at), 16);
      // digit() knows the digits of all scripts.
      if (digit < 0 || text.charAt(at) > 'f') throw unexpected();
      code = code << 4 | digit;
    }
    return (char) code;
  }

  private Object word() {
    int start = at;
    while (at < text.length() && WORD_ENDS.indexOf(text.charAt(at)) < 0) at++;
    String word = text.substring(start, at);
    switch (word) {
      case "true":
        return true;
      case "false":
        return false;
      case "null":
        return null;
      default:
        return number(word);
    }
  }

  private static Object number(String word) {
    if (word.length() > 64 || !word.matches("-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?")) {
      throw new IllegalArgumentException("not a JSON value");
    }
    try {
      return Long.valueOf(word);
    } catch (NumberFormatException fraction) {
      double value = Double.parseDouble(word);
      // As in JavaScript, where there is no difference: 2.0 is 2.
      if (value == Math.rint(value) && Math.abs(value) < 1L << 53) return (long) value;
      return value;
    }
  }

  private char peek() {
    if (at >= text.length()) throw new IllegalArgumentException("JSON ends too early");
    return text.charAt(at);
  }

  private boolean accept(char wanted) {
    if (at >= text.length() || text.charAt(at) != wanted) return false;
    at++;
    return true;
  }

  private void expect(char wanted) {
    if (!accept(wanted)) throw unexpected();
  }

  private void skipSpace() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
  }

  private IllegalArgumentException unexpected() {
    return new IllegalArgumentException("unexpected character in JSON at " + at);
  }

  private static void write(Object value, StringBuilder out) {
    if (value instanceof Map) {
      String separator = "{";
      for (Map.Entry<?, ?> member : ((Map<?, ?>) value).entrySet()) {
        writeString((String) member.getKey(), out.append(separator));
        write(member.getValue(), out.append(':'));
        separator = ",";
      }
      out.append(separator.equals("{") ? "{}" : "}");
    } else if (value instanceof Iterable) {
      String separator = "[";
      for (Object item : (Iterable<?>) value) {
        write(item, out.append(separator));
        separator = ",";
      }
      out.append(separator.equals("[") ? "[]" : "]");
    } else if (value instanceof String) {
      writeString((String) value, out);
    } else {
      out.append(value);
    }
  }

  private static void writeString(String value, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      // A lone half of a surrogate pair has no UTF-8.
      if (c < ' ' || Character.isSurrogate(c)) out.append(String.format("\\u%04x", (int) c));
      else if (c == '"' || c == '\\') out.append('\\').append(c);
      else out.append(c);
    }
    out.append('"');
  }
}
