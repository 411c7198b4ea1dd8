/** Devices, whatever follows the first dot (Naming Files, Paths, and Namespaces). */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\.|$)/i

/** Whether a file with that name, and anything behind a dot, would be a device on Windows. */
export function isWindowsDevice(name: string): boolean {
  return DEVICE.test(name)
}
