import type { SpecOptions } from '../types.ts';

/** Every variant, with the fewest options that make it. */
export const variants: Readonly<Record<string, SpecOptions>> = {
  docker_python: { backend: 'docker' },
  docker_r: { backend: 'docker', language: 'R' },
  docker_scala: { backend: 'docker', language: 'Scala' },
  docker_python_swarm: { backend: 'docker', swarm: true },
  docker_r_swarm: { backend: 'docker', language: 'R', swarm: true },
  docker_scala_swarm: { backend: 'docker', language: 'Scala', swarm: true },
  k8s_python: { backend: 'k8s' },
  k8s_r: { backend: 'k8s', language: 'R' },
  k8s_scala: { backend: 'k8s', language: 'Scala' },
  k8s_python_spark: { backend: 'k8s', spark: true },
  k8s_r_spark: { backend: 'k8s', language: 'R', spark: true },
  k8s_scala_spark: { backend: 'k8s', language: 'Scala', spark: true },
  k8s_python_spark_operator: { backend: 'k8s', spark: true, crd: true },
  yarn_spark_python: { backend: 'yarn' },
  yarn_spark_r: { backend: 'yarn', language: 'R' },
  yarn_spark_scala: { backend: 'yarn', language: 'Scala' },
  yarn_dask_python: { backend: 'yarn', dask: true },
  ssh_python: { backend: 'ssh' },
  ssh_r: { backend: 'ssh', language: 'R' },
  ssh_scala: { backend: 'ssh', language: 'Scala' },
  ssh_python_spark: { backend: 'ssh', spark: true },
  ssh_r_spark: { backend: 'ssh', language: 'R', spark: true },
  ssh_scala_spark: { backend: 'ssh', language: 'Scala', spark: true },
};
