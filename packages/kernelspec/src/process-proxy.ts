/**
 * Enterprise Gateway's process proxies and the provisioners that do the same work. Its kernelspecs name a class by its
 * dotted path (`enterprise_gateway.services.processproxies.k8s.KubernetesProcessProxy`); the last part is what counts,
 * so that subclasses moved to other modules are read as well.
 */
const provisionerByClass: ReadonlyMap<string, string> = new Map([
  ['LocalProcessProxy', 'local-provisioner'],
  ['DistributedProcessProxy', 'distributed-provisioner'],
  ['YarnClusterProcessProxy', 'yarn-provisioner'],
  ['KubernetesProcessProxy', 'kubernetes-provisioner'],
  ['SparkOperatorProcessProxy', 'spark-operator-provisioner'],
  ['DockerProcessProxy', 'docker-provisioner'],
  ['DockerSwarmProcessProxy', 'docker-swarm-provisioner'],
  ['ConductorClusterProcessProxy', 'conductor-provisioner'],
]);

/** The provisioner that stands for a process proxy class; undefined for a class that is not Enterprise Gateway's. */
export function provisionerForProcessProxy(className: string): string | undefined {
  return provisionerByClass.get(className.slice(className.lastIndexOf('.') + 1));
}

/** The class names that are understood, for error texts. */
export const processProxyClasses: readonly string[] = [...provisionerByClass.keys()];
