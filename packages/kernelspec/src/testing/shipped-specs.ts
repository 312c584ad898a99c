import type { JsonObject } from '@gateway-provisioners/core';

/** The form of the kernelspecs that Enterprise Gateway ships, one per kind: class, command, expected provisioner. */
const proxyModules: readonly (readonly [className: string, program: string, provisioner: string])[] = [
  ['distributed.DistributedProcessProxy', 'scripts/launch_ipykernel.py', 'distributed-provisioner'],
  ['docker_swarm.DockerSwarmProcessProxy', 'scripts/launch_docker.py', 'docker-swarm-provisioner'],
  ['docker_swarm.DockerProcessProxy', 'scripts/launch_docker.py', 'docker-provisioner'],
  ['k8s.KubernetesProcessProxy', 'scripts/launch_kubernetes.py', 'kubernetes-provisioner'],
  ['spark_operator.SparkOperatorProcessProxy', 'scripts/launch_custom_resource.py', 'spark-operator-provisioner'],
  ['yarn.YarnClusterProcessProxy', 'bin/run.sh', 'yarn-provisioner'],
  ['conductor.ConductorClusterProcessProxy', 'bin/run.sh', 'conductor-provisioner'],
  ['processproxy.LocalProcessProxy', 'scripts/launch_ipykernel.py', 'local-provisioner'],
];

export const enterpriseGatewaySpecs: readonly {
  readonly spec: JsonObject;
  readonly provisioner: string;
  readonly config: JsonObject;
}[] = proxyModules.map(([className, program, provisioner]) => {
  const config = { image_name: 'elyra/kernel-py:dev', port_range: '40000..41000' };
  return {
    provisioner,
    config,
    spec: {
      language: 'python',
      display_name: `Python by ${className}`,
      metadata: {
        process_proxy: { class_name: `enterprise_gateway.services.processproxies.${className}`, config },
        debugger: true,
      },
      env: { SPARK_HOME: '/opt/spark', LAUNCH_OPTS: '', SPARK_OPTS: '--name ${KERNEL_USERNAME}-${KERNEL_ID}' },
      argv: [
        `/usr/local/share/jupyter/kernels/x/${program}`,
        '--RemoteProcessProxy.kernel-id',
        '{kernel_id}',
        '--RemoteProcessProxy.port-range',
        '{port_range}',
        '--RemoteProcessProxy.response-address',
        '{response_address}',
        '--RemoteProcessProxy.public-key',
        '{public_key}',
      ],
    },
  };
});

/** The form that Gateway Provisioners' own tools generate. */
export const gatewayProvisionersSpecs: readonly JsonObject[] = [
  'kubernetes-provisioner',
  'docker-provisioner',
  'docker-swarm-provisioner',
  'distributed-provisioner',
  'yarn-provisioner',
  'spark-operator-provisioner',
].map((name) => ({
  argv: ['python', 'launch.py', '--public-key', '{public_key}', '--transport-encryption', '{transport_encryption}'],
  env: {},
  display_name: `Generated ${name}`,
  language: 'python',
  interrupt_mode: 'signal',
  metadata: {
    supported_encryption: ['curve'],
    debugger: true,
    kernel_provisioner: {
      provisioner_name: name,
      config: { image_name: 'elyra/kernel-py:dev', launch_timeout: 30 },
    },
  },
}));
