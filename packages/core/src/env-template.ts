// Of Python's string.Template: `$$`, `$name`, `${name}`; names are ASCII and keep their case.
const PLACEHOLDER = /\$(?:(\$|[A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;

/**
 * Replaces `$NAME` and `${NAME}` by what `lookUp` gives, and `$$` by `$`, in one pass: what was put in is not looked at
 * again. Unknown names and every other use of `$` (`${A:-b}`) stay as they are: Python's `Template.safe_substitute`,
 * which kernelspecs are written for.
 */
export function expandTemplate(text: string, lookUp: (name: string) => string | undefined): string {
  return text.replace(PLACEHOLDER, (whole, plain: string | undefined, braced: string | undefined) =>
    plain === '$' ? '$' : (lookUp(plain ?? braced ?? '') ?? whole),
  );
}
