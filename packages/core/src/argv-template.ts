/** Values of `{name}` placeholders; undefined ones are left alone, as unknown names are. */
export type TemplateValues = Readonly<Record<string, string | undefined>>;

const PLACEHOLDER = /\{([A-Za-z0-9_]+)\}/g;

/**
 * Fills the placeholders of a kernelspec's `argv`, as jupyter_client does: one pass, so that a value which looks like
 * a placeholder stays as it is; unknown names stay, braces included.
 */
export function fillArgv(argv: readonly string[], values: TemplateValues): readonly string[] {
  return argv.map((argument) =>
    argument.replace(PLACEHOLDER, (placeholder, name: string) =>
      Object.hasOwn(values, name) ? (values[name] ?? placeholder) : placeholder,
    ),
  );
}

/** Whether any argument has the placeholder `{name}`. */
export function usesPlaceholder(argv: readonly string[], name: string): boolean {
  return argv.some((argument) => argument.includes(`{${name}}`));
}
