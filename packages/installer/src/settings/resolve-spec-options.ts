import { resolveSettings } from '@gateway-provisioners/core';
import type { SettingOrigin, SettingSources } from '@gateway-provisioners/core';
import type {
  CommonSpecOptions,
  KernelLanguage,
  SparkInitMode,
  SparkSpecOptions,
  SpecBackend,
  SpecOptions,
} from '../types.ts';
import { dockerSettings, kubernetesSettings, sshSettings, yarnSettings } from './spec-settings.ts';

interface CommonValues {
  readonly kernel_name?: string | undefined;
  readonly display_name?: string | undefined;
  readonly language: readonly KernelLanguage[];
  readonly authorized_users: readonly string[];
  readonly unauthorized_users: readonly string[];
  readonly port_range: string;
  readonly launch_timeout: number;
  readonly ipykernel_subclass_name?: string | undefined;
}

interface SparkValues {
  readonly spark: boolean;
  readonly spark_home: string;
  readonly spark_init_mode?: SparkInitMode | undefined;
  readonly extra_spark_opts: string;
}

/** What the sources ask for. */
export interface ResolvedSpecOptions {
  /** One for each language. */
  readonly specs: readonly SpecOptions[];
  readonly warnings: readonly string[];
}

/**
 * Reads options from flags, a file and the environment, in this order.
 * What the gateway reads from the same variable (`GP_REMOTE_HOSTS`, `GP_YARN_ENDPOINT`, …) is not written to a
 * kernelspec: it would outlive a change of the variable.
 * Errors: `INVALID_CONFIG` with every problem.
 */
export function resolveSpecOptions(backend: SpecBackend, sources: SettingSources): ResolvedSpecOptions {
  switch (backend) {
    case 'docker':
      return resolveDocker(sources);
    case 'k8s':
      return resolveKubernetes(sources);
    case 'yarn':
      return resolveYarn(sources);
    case 'ssh':
      return resolveSsh(sources);
  }
}

function resolveDocker(sources: SettingSources): ResolvedSpecOptions {
  const { values } = resolveSettings(dockerSettings, sources);
  const { swarm, image_name: imageName } = values;
  const specs = perLanguage(values).map((common) => ({ ...common, backend: 'docker', swarm, imageName }) as const);
  return { specs, warnings: [] };
}

function resolveKubernetes(sources: SettingSources): ResolvedSpecOptions {
  const { values, origins } = resolveSettings(kubernetesSettings, sources);
  const specs = perLanguage(values).map(
    (common) =>
      ({
        ...common,
        ...sparkOptions(values),
        backend: 'k8s',
        crd: values.crd,
        imageName: values.image_name,
        // A variable that is there for other kernelspecs is no reason for a warning in one without Spark.
        executorImageName:
          values.spark || isAsked(origins.executor_image_name) ? values.executor_image_name : undefined,
      }) as const,
  );
  const warnings = values.tensorflow ? ['--tensorflow has no effect: name an image that has TensorFlow'] : [];
  return { specs, warnings };
}

function resolveYarn(sources: SettingSources): ResolvedSpecOptions {
  const { values, origins } = resolveSettings(yarnSettings, sources);
  const specs = perLanguage(values).map(
    (common) =>
      ({
        ...common,
        ...sparkOptions(values),
        backend: 'yarn',
        dask: values.dask,
        extraDaskOpts: values.extra_dask_opts === '' ? undefined : values.extra_dask_opts,
        yarnEndpoint: asked(values.yarn_endpoint, origins.yarn_endpoint),
        altYarnEndpoint: asked(values.alt_yarn_endpoint, origins.alt_yarn_endpoint),
        yarnEndpointSecurityEnabled: asked(
          values.yarn_endpoint_security_enabled,
          origins.yarn_endpoint_security_enabled,
        ),
        impersonationEnabled: asked(values.impersonation_enabled, origins.impersonation_enabled),
        pythonRoot: values.python_root,
      }) as const,
  );
  return { specs, warnings: [] };
}

function resolveSsh(sources: SettingSources): ResolvedSpecOptions {
  const { values, origins } = resolveSettings(sshSettings, sources);
  const specs = perLanguage(values).map(
    (common) =>
      ({
        ...common,
        ...sparkOptions(values),
        backend: 'ssh',
        remoteHosts: asked(values.remote_hosts, origins.remote_hosts),
        sparkMaster: values.spark_master,
        pythonRoot: values.python_root,
      }) as const,
  );
  return { specs, warnings: [] };
}

/** With several languages, each kernelspec's name and display name end in its language. */
function perLanguage(values: CommonValues): readonly CommonSpecOptions[] {
  const several = values.language.length > 1;
  return values.language.map((language) => ({
    language,
    kernelName: several ? joined(values.kernel_name, `_${language.toLowerCase()}`) : values.kernel_name,
    displayName: several ? joined(values.display_name, ` ${language}`) : values.display_name,
    authorizedUsers: values.authorized_users,
    unauthorizedUsers: values.unauthorized_users,
    portRange: values.port_range,
    launchTimeoutMs: values.launch_timeout * 1000,
    // Of several languages, the one that it is for.
    kernelClass: several && language !== 'Python' ? undefined : values.ipykernel_subclass_name,
  }));
}

function joined(text: string | undefined, end: string): string | undefined {
  return text === undefined ? undefined : text + end;
}

function sparkOptions(values: SparkValues): SparkSpecOptions {
  return {
    spark: values.spark,
    sparkHome: values.spark_home,
    sparkInitMode: values.spark_init_mode,
    extraSparkOpts: values.extra_spark_opts,
  };
}

function isAsked(origin: SettingOrigin): boolean {
  return origin.kind === 'flag' || origin.kind === 'file';
}

function asked<T>(value: T, origin: SettingOrigin): T | undefined {
  return isAsked(origin) ? value : undefined;
}
