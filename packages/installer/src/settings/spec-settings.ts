import { booleanSetting, defineSettings } from '@gateway-provisioners/core';
import { z } from 'zod';
import { kernelLanguages, sparkInitModes } from '../types.ts';
import { DEFAULT_KERNEL_CLASS, parseLanguage } from '../variants/stanza.ts';

const text = z.string().trim().min(1, 'must not be empty');
const languageNames = kernelLanguages.join(', ');

/** An option that may be given several times, each time with one name or several and commas between. */
const names = z.unknown().transform((value, context): readonly string[] => {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (given.every((item) => typeof item === 'string')) {
    return given
      .flatMap((item) => item.split(','))
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }
  context.addIssue({ code: 'custom', message: 'expected a list of texts, or one text with commas' });
  return z.NEVER;
});

const languages = names.pipe(
  z.array(z.string()).transform((listed, context) => {
    const parsed = listed.map(parseLanguage);
    const known = parsed.filter((language) => language !== undefined);
    if (known.length === parsed.length && known.length > 0) return [...new Set(known)];
    context.addIssue({ code: 'custom', message: `expected one or more of ${languageNames}` });
    return z.NEVER;
  }),
);

const sparkInitMode = text.toLowerCase().pipe(z.enum(sparkInitModes));

/** What all four programs ask. Keys are the names of the options in Jupyter's configuration files. */
const common = defineSettings({
  kernel_name: {
    schema: text.optional(),
    flag: 'kernel-name',
    description: 'Folder of the kernelspec, and the name that clients use; with several languages, its beginning.',
  },
  display_name: {
    schema: text.optional(),
    flag: 'display-name',
    description: 'What people see in a list of kernels.',
  },
  language: {
    schema: languages,
    default: ['Python'],
    flag: 'language',
    description: `${languageNames}, in any case; several make one kernelspec each.`,
  },
  authorized_users: {
    schema: names,
    default: [],
    env: ['GP_AUTHORIZED_USERS'],
    flag: 'authorized-users',
    description: 'Who may start the kernel; nobody named means everybody.',
  },
  unauthorized_users: {
    schema: names,
    default: ['root'],
    env: ['GP_UNAUTHORIZED_USERS'],
    flag: 'unauthorized-users',
    description: 'Who may not, even when authorized.',
  },
  port_range: {
    schema: text,
    default: '0..0',
    env: ['GP_PORT_RANGE'],
    flag: 'port-range',
    description: 'Ports of the kernel, as in 40000..42000 (1000 at least); 0..0 for any.',
  },
  launch_timeout: {
    schema: z.coerce
      .string()
      .trim()
      .regex(/^\d{1,9}$/, 'expected whole seconds')
      .transform(Number),
    default: 30,
    env: ['GP_LAUNCH_TIMEOUT', 'KERNEL_LAUNCH_TIMEOUT'],
    flag: 'launch-timeout',
    description: "Seconds until a start has failed; 0 leaves it to the gateway's own setting.",
  },
  ipykernel_subclass_name: {
    schema: text.optional(),
    flag: 'ipykernel-subclass-name',
    description: `Class of Python kernels, with its module; default ${DEFAULT_KERNEL_CLASS}.`,
  },
});

const imageName = {
  schema: text.optional(),
  env: ['GP_IMAGE_NAME'],
  flag: 'image-name',
  description: 'Image of the kernel; with Spark, of the driver.',
};

const spark = defineSettings({
  spark: { schema: booleanSetting(), default: false, flag: 'spark', description: 'For use with Spark.' },
  spark_home: {
    schema: text,
    default: '/opt/spark',
    env: ['SPARK_HOME'],
    flag: 'spark-home',
    description: 'Where Spark is, at the place where the kernel is started.',
  },
  spark_init_mode: {
    schema: sparkInitMode.optional(),
    flag: 'spark-init-mode',
    description: 'When the Spark context is made: lazy (default), eager or none.',
  },
  extra_spark_opts: {
    schema: z.string().default(''),
    flag: 'extra-spark-opts',
    description: 'Further options of spark-submit, in one text.',
  },
});

const pythonRoot = {
  schema: text.optional(),
  flag: 'python-root',
  description: 'Folder above bin/python, at the place where the kernel runs.',
};

export const dockerSettings = defineSettings({
  ...common,
  image_name: imageName,
  swarm: { schema: booleanSetting(), default: false, flag: 'swarm', description: 'For a Docker Swarm cluster.' },
});

export const kubernetesSettings = defineSettings({
  ...common,
  ...spark,
  image_name: imageName,
  executor_image_name: {
    schema: text.optional(),
    env: ['GP_EXECUTOR_IMAGE_NAME'],
    flag: 'executor-image-name',
    description: "Image of Spark's executors; default: that of the driver.",
  },
  crd: {
    schema: booleanSetting(),
    default: false,
    flag: 'crd',
    description: 'With --spark: a SparkApplication for the Spark operator.',
  },
  tensorflow: {
    schema: booleanSetting(),
    default: false,
    flag: 'tensorflow',
    description: 'Accepted for old scripts; has no effect: name an image that has TensorFlow.',
  },
});

export const yarnSettings = defineSettings({
  ...common,
  ...spark,
  spark: {
    ...spark.spark,
    description: 'Accepted for symmetry: kernelspecs for YARN are for Spark unless --dask is given.',
  },
  dask: { schema: booleanSetting(), default: false, flag: 'dask', description: 'Dask instead of Spark.' },
  extra_dask_opts: {
    schema: z.string().default(''),
    flag: 'extra-dask-opts',
    description: 'Further options of dask-yarn submit, in one text.',
  },
  yarn_endpoint: {
    schema: text.optional(),
    env: ['GP_YARN_ENDPOINT'],
    flag: 'yarn-endpoint',
    description: 'URL of the resource manager.',
  },
  alt_yarn_endpoint: {
    schema: text.optional(),
    env: ['GP_ALT_YARN_ENDPOINT'],
    flag: 'alt-yarn-endpoint',
    description: 'URL of the other resource manager, for high availability.',
  },
  yarn_endpoint_security_enabled: {
    schema: booleanSetting(),
    default: false,
    env: ['GP_YARN_ENDPOINT_SECURITY_ENABLED'],
    flag: 'yarn-endpoint-security-enabled',
    description: 'Whether the resource manager wants Kerberos (SPNEGO).',
  },
  impersonation_enabled: {
    schema: booleanSetting(),
    default: false,
    env: ['GP_IMPERSONATION_ENABLED'],
    flag: 'impersonation-enabled',
    description: 'Whether kernels run as the user who asks for them.',
  },
  python_root: pythonRoot,
});

export const sshSettings = defineSettings({
  ...common,
  ...spark,
  remote_hosts: {
    schema: names,
    default: ['localhost'],
    env: ['GP_REMOTE_HOSTS'],
    flag: 'remote-hosts',
    description: 'Hosts on which kernels may run.',
  },
  spark_master: {
    schema: text,
    default: 'yarn',
    flag: 'spark-master',
    description: 'URL of the Spark master, as in spark://HOST:7077.',
  },
  python_root: pythonRoot,
});
