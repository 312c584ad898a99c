import type { SpecBackend } from '@gateway-provisioners/installer';

export interface SpecProgram {
  readonly name: string;
  readonly description: string;
  /** For whom kernelspecs are, in a sentence. */
  readonly target: string;
  readonly provisioners: readonly string[];
  /** Class of the same program in Jupyter's configuration files. */
  readonly configClass: string;
  readonly examples: readonly (readonly [what: string, args: string])[];
}

/** The programs that make kernelspecs. Names are Gateway Provisioners'. */
export const specPrograms: Readonly<Record<SpecBackend, SpecProgram>> = {
  docker: {
    name: 'jupyter-docker-spec',
    description: 'Kernelspecs for kernels in Docker containers and Docker Swarm services',
    target: 'Docker',
    provisioners: ['docker-provisioner', 'docker-swarm-provisioner'],
    configClass: 'DockerSpecInstaller',
    examples: [
      ['Python, from the usual image, for everybody on this machine', 'install'],
      [
        'R from an image of your own, for yourself',
        "install --user --language R --image-name my-r:4 --kernel-name r_docker --display-name 'My R'",
      ],
      [
        'Python and R for a Swarm cluster: team_python and team_r',
        'install --swarm --language Python,R --kernel-name team',
      ],
      ['see kernel.json first', 'install --dry-run --image-name my-image:1'],
    ],
  },
  k8s: {
    name: 'jupyter-k8s-spec',
    description: 'Kernelspecs for kernels on Kubernetes: pods, Spark drivers, SparkApplications',
    target: 'Kubernetes',
    provisioners: ['kubernetes-provisioner', 'spark-operator-provisioner'],
    configClass: 'K8sSpecInstaller',
    examples: [
      ['Python in a pod', 'install --image-name my-image:1'],
      ['Scala with Spark', "install --language Scala --spark --extra-spark-opts '--conf spark.executor.instances=4'"],
      [
        'Python through the Spark operator',
        'install --spark --crd --image-name driver:1 --executor-image-name worker:1',
      ],
    ],
  },
  yarn: {
    name: 'jupyter-yarn-spec',
    description: 'Kernelspecs for kernels on Hadoop YARN: Spark in cluster mode, Dask',
    target: 'YARN',
    provisioners: ['yarn-provisioner'],
    configClass: 'YarnSpecInstaller',
    examples: [
      ['Python with Spark', 'install --spark-home /usr/lib/spark --python-root /opt/conda'],
      ['R, with the Spark context made at once', 'install --language R --spark-init-mode eager'],
      ['Dask', 'install --dask --yarn-endpoint http://resource-manager:8088'],
    ],
  },
  ssh: {
    name: 'jupyter-ssh-spec',
    description: 'Kernelspecs for kernels on other hosts, over SSH',
    target: 'SSH',
    provisioners: ['distributed-provisioner'],
    configClass: 'SshSpecInstaller',
    examples: [
      ['Python on two hosts', 'install --remote-hosts host1 --remote-hosts host2'],
      ['R with a Spark of its own', 'install --language R --spark --spark-master spark://host1:7077'],
      ['with the launchers of a kernel image', 'install --launchers-dir /usr/local/bin/kernel-launchers'],
    ],
  },
};
