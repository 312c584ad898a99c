/** Options that take no value, as Jupyter's long form gives them one. */
const SWITCHES: ReadonlySet<string> = new Set(['user', 'replace']);

const RENAMED: ReadonlyMap<string, string> = new Map([['config-file', 'config']]);

/**
 * Jupyter's long form of an option, `--Class.trait=value`, becomes `--trait value`; `--help-all` becomes `--help`. What
 * is in no class that this program has stays as it is, to be refused.
 */
export function shortenArguments(args: readonly string[], classes: readonly string[]): readonly string[] {
  return args.flatMap((arg) => {
    if (arg === '--help-all') return ['--help'];
    const [, className = '', trait = '', value] = /^--([A-Za-z0-9]+)\.([a-z_]+)(?:=([^]*))?$/.exec(arg) ?? [];
    if (!classes.includes(className)) return [arg];
    const dashed = trait.replaceAll('_', '-');
    const name = RENAMED.get(dashed) ?? dashed;
    if (!SWITCHES.has(name)) return [value === undefined ? `--${name}` : `--${name}=${value}`];
    return value?.toLowerCase() === 'false' ? [] : [`--${name}`];
  });
}
