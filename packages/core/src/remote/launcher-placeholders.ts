import type { TemplateValues } from '../argv-template.ts';
import type { LaunchContext } from '../provisioner.ts';
import type { LauncherParameters } from '../rendezvous.ts';

/** Values for the placeholders that kernelspecs of remote kernels have in their `argv`. Nothing secret among them. */
export function launcherPlaceholders(context: LaunchContext, parameters: LauncherParameters): TemplateValues {
  const { responseAddress, publicKey, portRange } = parameters.public;
  return {
    kernel_id: context.kernelId,
    response_address: responseAddress,
    public_key: publicKey,
    port_range: portRange,
    // Launchers take an empty value for "no"; the policy's own word means that it is declared and wanted.
    transport_encryption: context.transportEncryption === 'disabled' ? '' : context.transportEncryption,
    resource_dir: context.kernelSpec.resourceDir,
  };
}
