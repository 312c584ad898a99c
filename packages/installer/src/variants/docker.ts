import type { DockerSpecOptions, RenderedKernelSpec } from '../types.ts';
import { argv } from './argv.ts';
import { defaultImage } from './images.ts';
import { containerLauncher } from './launcher-files.ts';
import { folderName, kernelClass, kernelJson } from './stanza.ts';
import type { RenderOptions } from './render-options.ts';

/** A container, or a Swarm service, of an image that has a kernel and its launcher. */
export function renderDockerSpec(options: DockerSpecOptions, { folder }: RenderOptions): RenderedKernelSpec {
  const language = options.language ?? 'Python';
  const python = language === 'Python';
  const variant = `docker_${language.toLowerCase()}`;
  const name = folderName(options.kernelName, variant);
  return {
    variant: options.swarm === true ? `${variant}_swarm` : variant,
    name,
    kernelJson: kernelJson({
      options,
      language,
      displayName: `Docker ${language}`,
      argv: [
        ['python', `${folder(name)}/scripts/launch_docker.py`],
        argv.kernelId,
        argv.portRange,
        argv.responseAddress,
        argv.publicKey,
        ...(python ? [argv.encryption, argv.kernelClass(kernelClass(options))] : []),
      ],
      provisionerName: options.swarm === true ? 'docker-swarm-provisioner' : 'docker-provisioner',
      configBefore: { image_name: options.imageName ?? defaultImage(language, { spark: false }) },
      encrypts: python,
      debugger: python,
    }),
    language,
    launcherFiles: containerLauncher('docker', ['launch_docker.py']),
    warnings: [],
  };
}
