import type { JsonObject } from '@gateway-provisioners/core';
import type { RunScript } from './run-script/run-script.ts';

/** Languages that kernelspecs are made for, spelt as the options spell them. */
export const kernelLanguages = ['Python', 'R', 'Scala'] as const;

export type KernelLanguage = (typeof kernelLanguages)[number];

/** When a launcher makes its Spark session: in the background, at once, or never. */
export const sparkInitModes = ['lazy', 'eager', 'none'] as const;

export type SparkInitMode = (typeof sparkInitModes)[number];

/** What every kernelspec has. */
export interface CommonSpecOptions {
  /** Default `Python`. */
  readonly language?: KernelLanguage | undefined;
  /** Folder name; blanks become `_`, letters lower case. Default: one for each variant, such as `k8s_python_spark`. */
  readonly kernelName?: string | undefined;
  /** Default: one for each variant, such as `Kubernetes Python (with Spark)`. */
  readonly displayName?: string | undefined;
  /** Who may start the kernel; empty, the default, means everybody. */
  readonly authorizedUsers?: readonly string[] | undefined;
  /** Who may not; written when it is not the default, `root`. */
  readonly unauthorizedUsers?: readonly string[] | undefined;
  /** `low..high`; default `0..0`, any port. */
  readonly portRange?: string | undefined;
  /** Whole seconds are written. Default 30,000; 0: none is written, and the gateway's own holds. */
  readonly launchTimeoutMs?: number | undefined;
  /** Dotted name of an ipykernel class, for Python. Default `ipykernel.ipkernel.IPythonKernel`. */
  readonly kernelClass?: string | undefined;
}

/** For the variants that can run Spark. */
export interface SparkSpecOptions {
  readonly spark?: boolean | undefined;
  /** Default `/opt/spark`. */
  readonly sparkHome?: string | undefined;
  /** Default `lazy`; `none` where there is no Spark. */
  readonly sparkInitMode?: SparkInitMode | undefined;
  /** Further options of `spark-submit`, as a shell would read them; `${NAME}` is replaced when the kernel starts. */
  readonly extraSparkOpts?: string | undefined;
}

export interface DockerSpecOptions extends CommonSpecOptions {
  readonly backend: 'docker';
  /** A Swarm service instead of a container. */
  readonly swarm?: boolean | undefined;
  readonly imageName?: string | undefined;
}

export interface KubernetesSpecOptions extends CommonSpecOptions, SparkSpecOptions {
  readonly backend: 'k8s';
  /** With `spark`: a SparkApplication, run by the Spark operator. */
  readonly crd?: boolean | undefined;
  readonly imageName?: string | undefined;
  /** Default: `imageName`. Only with `spark`. */
  readonly executorImageName?: string | undefined;
}

export interface YarnSpecOptions extends CommonSpecOptions, SparkSpecOptions {
  readonly backend: 'yarn';
  /** Dask instead of Spark; Python only. */
  readonly dask?: boolean | undefined;
  readonly extraDaskOpts?: string | undefined;
  readonly yarnEndpoint?: string | undefined;
  readonly altYarnEndpoint?: string | undefined;
  readonly yarnEndpointSecurityEnabled?: boolean | undefined;
  readonly impersonationEnabled?: boolean | undefined;
  /** The folder above `bin/python` on the nodes. Default: that of the first Python here, else `/opt/conda`. */
  readonly pythonRoot?: string | undefined;
  /** The py4j archive of Spark's Python library, if it was found. */
  readonly py4j?: string | undefined;
}

export interface SshSpecOptions extends CommonSpecOptions, SparkSpecOptions {
  readonly backend: 'ssh';
  /** Written when given; default: what the gateway is set to. */
  readonly remoteHosts?: readonly string[] | undefined;
  /** Default `yarn`. */
  readonly sparkMaster?: string | undefined;
  /** The folder above `bin/python` on the hosts. Default `/opt/conda`. */
  readonly pythonRoot?: string | undefined;
  readonly py4j?: string | undefined;
}

export type SpecOptions = DockerSpecOptions | KubernetesSpecOptions | YarnSpecOptions | SshSpecOptions;

export type SpecBackend = SpecOptions['backend'];

/** A program that runs beside the kernel or starts it, which the kernelspec's folder must hold. */
export interface LauncherFile {
  /** In the kernelspec's folder; of `lib/*.jar` every file that matches. */
  readonly path: string;
  /** Where a folder of launchers has it, best first. */
  readonly sources: readonly string[];
  /**
   * Whether a kernel can start without it under this gateway. Containers' own launch scripts are such: only Python's
   * Gateway Provisioners runs them.
   */
  readonly optional: boolean;
}

/** A kernelspec in memory. */
export interface RenderedKernelSpec {
  /** The variant's own name, which does not change with `kernelName`: `k8s_python_spark`. */
  readonly variant: string;
  /** Folder name. */
  readonly name: string;
  /** The contents of `kernel.json`. */
  readonly kernelJson: JsonObject;
  /** What becomes `bin/run.sh`, for variants that have one. */
  readonly runScript?: RunScript | undefined;
  /** Whose logo and `kernel.js` belong to it. */
  readonly language: KernelLanguage;
  readonly launcherFiles: readonly LauncherFile[];
  /** What was asked for and has no effect, one sentence each. */
  readonly warnings: readonly string[];
}
