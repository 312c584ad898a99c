import type { StandardSchemaV1 } from '@standard-schema/spec';

/** One setting of an application or package: what it may be, and by which names it is set. */
export interface Setting<Schema extends StandardSchemaV1 = StandardSchemaV1> {
  /**
   * Any Standard Schema with synchronous validation. It sees text from flags and variables and JSON from files, so
   * coerce: {@link settingSchema}, {@link booleanSetting}, {@link listSetting}, `z.coerce.number()`.
   */
  readonly schema: Schema;
  /** Used as it is when nothing sets the value. Without it the schema is asked what absence means. */
  readonly default?: StandardSchemaV1.InferOutput<Schema>;
  /** Variables, ours first, then documented aliases; the first that is set and not empty counts. */
  readonly env?: readonly string[];
  /** Name of the command-line flag, without dashes: `port`, `base-url`. */
  readonly flag?: string;
  /** One sentence for `--help` and the reference page. */
  readonly description: string;
  /** The value is never printed. */
  readonly secret?: boolean;
  /** Heading under which it is listed. */
  readonly group?: string;
}

/** Settings by key. A dot in a key is nesting in a file: `culling.idleTimeoutMs`. */
export type Settings<Schemas extends Record<string, StandardSchemaV1>> = {
  readonly [Key in keyof Schemas]: Setting<Schemas[Key]>;
};

export type SettingValues<Schemas extends Record<string, StandardSchemaV1>> = {
  readonly [Key in keyof Schemas]: StandardSchemaV1.InferOutput<Schemas[Key]>;
};

/**
 * Declares settings, typed by their schemas.
 *
 * ```ts
 * const settings = defineSettings({
 *   port: {
 *     schema: z.coerce.number().int().min(0).max(65_535),
 *     default: 8888,
 *     env: ['GP_PORT', 'EG_PORT', 'KG_PORT'],
 *     flag: 'port',
 *     description: 'Port to listen on; 0 for any that is free.',
 *   },
 * });
 * ```
 */
export function defineSettings<Schemas extends Record<string, StandardSchemaV1>>(
  settings: Settings<Schemas>,
): Settings<Schemas> {
  return settings;
}

/** A setting as a row of `--help` or of a reference page. */
export interface SettingRow {
  readonly key: string;
  /** With dashes: `--port`. */
  readonly flag: string | undefined;
  readonly env: readonly string[];
  /** JSON text; undefined when there is none, or when the setting is secret. */
  readonly default: string | undefined;
  readonly description: string;
  readonly group: string | undefined;
  readonly secret: boolean;
}

/** The settings in the order of their declaration. */
export function describeSettings(settings: Readonly<Record<string, Setting>>): readonly SettingRow[] {
  return Object.entries(settings).map(([key, setting]) => ({
    key,
    flag: setting.flag === undefined ? undefined : `--${setting.flag}`,
    env: setting.env ?? [],
    default: setting.secret === true || setting.default === undefined ? undefined : JSON.stringify(setting.default),
    description: setting.description,
    group: setting.group,
    secret: setting.secret ?? false,
  }));
}

/** A table in Markdown for a reference page: name, variables and meaning of each. */
export function settingsTable(rows: readonly SettingRow[]): string {
  const lines = rows.map(({ key, env, description }) => {
    const variables = env.map((name) => `\`${name}\``).join(', ');
    return `| \`${key}\` | ${variables} | ${description.replaceAll('|', '\\|')} |`;
  });
  return ['| setting | variables | meaning |', '|---|---|---|', ...lines].join('\n');
}
