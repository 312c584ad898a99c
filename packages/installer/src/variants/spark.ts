import type { CommonSpecOptions, KernelLanguage, SparkInitMode, SparkSpecOptions } from '../types.ts';
import { argv } from './argv.ts';
import { checkOptionText } from './option-text.ts';
import { kernelClass } from './stanza.ts';

export const DEFAULT_SPARK_HOME = '/opt/spark';

/** Where Python and R are on a host that has no other place for them. */
export const DEFAULT_PYTHON_ROOT = '/opt/conda';

export interface SparkSettings {
  readonly home: string;
  readonly initMode: SparkInitMode;
  /** Empty when there are none. */
  readonly extraOptions: string;
}

/** Spark's settings with defaults. Errors: `INVALID_ARGUMENT` for options that could not be read at a start. */
export function sparkSettings(options: SparkSpecOptions): SparkSettings {
  const extraOptions = options.extraSparkOpts ?? '';
  checkOptionText('the extra Spark options', extraOptions);
  return {
    home: (options.sparkHome ?? DEFAULT_SPARK_HOME).replace(/(?<=.)\/+$/, ''),
    initMode: options.sparkInitMode ?? 'lazy',
    extraOptions,
  };
}

/** What has no effect in a kernelspec without Spark. */
export function withoutSparkWarnings(options: SparkSpecOptions, reason: string): readonly string[] {
  const { sparkInitMode, extraSparkOpts } = options;
  return [
    ...(sparkInitMode !== undefined && sparkInitMode !== 'none'
      ? [`the Spark context mode ${sparkInitMode} has no effect: ${reason}`]
      : []),
    ...(extraSparkOpts !== undefined && extraSparkOpts !== ''
      ? [`the extra Spark options have no effect: ${reason}`]
      : []),
  ];
}

/** Set at the start of a kernel: what the request adds. */
export const REQUESTED_OPTIONS = '${KERNEL_EXTRA_SPARK_OPTS}';

/** The name of the application, by which a kernel's is found again. */
export const APPLICATION_NAME = '${KERNEL_ID:-ERROR__NO__KERNEL_ID}';

/** Spark's Python library on the path of Python. */
export function pysparkPath(home: string, py4j: string | undefined): string {
  return [`${home}/python`, ...(py4j === undefined ? [] : [py4j])].join(':');
}

/** How a kernel is submitted in cluster mode, by the script of its kernelspec. */
export function submitArgv(
  options: CommonSpecOptions,
  { folder, python, spark }: { readonly folder: string; readonly python: boolean; readonly spark: SparkSettings },
): readonly (readonly string[])[] {
  return [
    [`${folder}/bin/run.sh`],
    argv.kernelId,
    argv.portRange,
    argv.responseAddress,
    argv.publicKey,
    ...(python ? [argv.encryption] : []),
    argv.sparkInitMode(spark.initMode),
    ...(python ? [argv.kernelClass(kernelClass(options))] : []),
  ];
}

export interface SparkEnvParts {
  readonly home: string;
  /** Options of `spark-submit`. */
  readonly sparkOptions: string;
  /** For Python only: what PySpark runs with. */
  readonly python?: Readonly<Record<'PYSPARK_PYTHON' | 'PYTHONPATH', string>>;
}

/** The variables that the scripts of kernelspecs with Spark read. */
export function sparkVariables(language: KernelLanguage, parts: SparkEnvParts): Readonly<Record<string, string>> {
  const { home, sparkOptions, python } = parts;
  switch (language) {
    case 'Python':
      return { SPARK_HOME: home, ...python, SPARK_OPTS: sparkOptions, LAUNCH_OPTS: '' };
    case 'R':
      return { SPARK_HOME: home, SPARK_OPTS: sparkOptions, LAUNCH_OPTS: '' };
    case 'Scala':
      return {
        SPARK_HOME: home,
        __TOREE_SPARK_OPTS__: sparkOptions,
        __TOREE_OPTS__: '--alternate-sigint USR2',
        LAUNCH_OPTS: '',
      };
  }
}

/** What PySpark runs with, where Python is at `root`. */
export function pysparkVariables(root: string, path: string): NonNullable<SparkEnvParts['python']> {
  return { PYSPARK_PYTHON: `${root}/bin/python`, PYTHONPATH: path };
}
