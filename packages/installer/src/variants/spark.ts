import type { SparkInitMode, SparkSpecOptions } from '../types.ts';
import { checkOptionText } from './option-text.ts';

export const DEFAULT_SPARK_HOME = '/opt/spark';

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
