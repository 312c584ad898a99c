import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LauncherParameters } from '@gateway-provisioners/core';
import { launchersDir } from '@gateway-provisioners/launchers';
import { requiredFile } from '../support/test-environment.ts';
import type { LaunchOptions } from './launcher-bench.ts';

/** Spark, Toree and the Java they run on, as `tools/testbeds/spark.sh` made them. */
export interface SparkTestbed {
  /** An interpreter with pyspark and ipykernel. */
  readonly python: string;
  readonly sparkHome: string;
  readonly javaHome: string;
  readonly toreeAssembly: string;
}

export function sparkTestbed(): SparkTestbed {
  const script = 'tools/testbeds/spark.sh';
  return {
    python: requiredFile({ variable: 'GP_TEST_SPARK_PYTHON', script }),
    sparkHome: requiredFile({ variable: 'SPARK_HOME', script }),
    javaHome: requiredFile({ variable: 'JAVA_HOME', script }),
    toreeAssembly: requiredFile({ variable: 'GP_TEST_TOREE_ASSEMBLY', script }),
  };
}

/** What spark-submit needs to run on this machine alone; on top of the bench's environment. */
export function sparkEnv({ sparkHome, javaHome }: SparkTestbed): Readonly<Record<string, string>> {
  return { SPARK_HOME: sparkHome, JAVA_HOME: javaHome, SPARK_LOCAL_IP: '127.0.0.1' };
}

export function sparkSubmit({ sparkHome }: SparkTestbed, tmpdir: string): readonly [string, ...string[]] {
  return [
    join(sparkHome, 'bin/spark-submit'),
    ...['--master', 'local[2]', '--conf', 'spark.ui.enabled=false', '--conf', `spark.local.dir=${tmpdir}`],
    // The compiler of Scala alone takes long enough without the JVM's second one beside it.
    ...['--driver-java-options', `-Djava.io.tmpdir=${tmpdir} -XX:TieredStopAtLevel=1`],
  ];
}

/** The launcher's jar as it is in the package. */
export function toreeLauncherJar(): string {
  const folder = join(launchersDir, 'scala/lib');
  const jars = readdirSync(folder).filter((name) => /^toree-launcher.*\.jar$/.test(name));
  if (jars.length !== 1) throw new Error(`one toree-launcher*.jar is expected in ${folder}: ${jars.join(', ')}`);
  return join(folder, String(jars[0]));
}

/** The command line of the kernelspecs' scripts, with spellings of the options as Enterprise Gateway has them if asked. */
export function toreeArgv(
  testbed: SparkTestbed,
  given: { readonly tmpdir: string; readonly legacy?: boolean; readonly options?: readonly string[] },
): LaunchOptions['argv'] {
  const option = (name: string): string => `--${given.legacy === true ? 'RemoteProcessProxy.' : ''}${name}`;
  return ({ kernelId, responseAddress, publicKey, portRange }: LauncherParameters['public']) => [
    ...sparkSubmit(testbed, given.tmpdir),
    ...['--jars', testbed.toreeAssembly, '--class', 'launcher.ToreeLauncher', toreeLauncherJar()],
    ...['--alternate-sigint', 'USR2'],
    ...[option('kernel-id'), kernelId],
    ...[option('port-range'), portRange],
    ...[option('response-address'), responseAddress],
    ...[option('public-key'), publicKey],
    ...(given.options ?? []),
  ];
}
