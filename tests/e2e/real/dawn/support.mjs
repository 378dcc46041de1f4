// What the programs of this folder share: the adapter, the readback, the end.
//   node PROGRAM.mjs FOLDER-OF-NODE-MODULES OUTPUT
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, output] = process.argv.slice(2);
const entry = createRequire(modules + '/').resolve('webgpu');
const { create, globals } = await import(pathToFileURL(entry));
Object.assign(globalThis, globals);
const gpu = create(['backend=vulkan', 'enable-dawn-features=allow_unsafe_apis']);

const first = await gpu.requestAdapter();
if (!first) throw new Error('no adapter');
const { vendor, architecture, device: name, description } = first.info;
console.log(`adapter: ${vendor} | ${architecture} | ${name} | ${description}`);

// A device with those of these features that the adapter has; errors that no scope caught end the program. An adapter
// makes one device only. gpu is used here also because what nothing uses is collected, and its work with it.
export async function makeDevice(features = []) {
  const adapter = await gpu.requestAdapter();
  const device = await adapter.requestDevice({ requiredFeatures: features.filter((name) => adapter.features.has(name)) });
  device.failures = [];
  device.addEventListener('uncapturederror', (event) => device.failures.push(event.error.message));
  return device;
}

export async function readBack(device, buffer, size) {
  const target = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, target, 0, size);
  device.queue.submit([encoder.finish()]);
  await target.mapAsync(GPUMapMode.READ);
  const copy = new Uint8Array(target.getMappedRange()).slice();
  target.destroy();
  return copy;
}

export async function readTexture(device, texture) {
  const { width, height, depthOrArrayLayers } = texture;
  const bytesPerRow = Math.ceil(width * 4 / 256) * 256;
  const size = bytesPerRow * height * depthOrArrayLayers;
  const buffer = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC });
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow, rowsPerImage: height },
    [width, height, depthOrArrayLayers]);
  device.queue.submit([encoder.finish()]);
  return readBack(device, buffer, size);
}

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

// Writes what the parts returned and ends; Dawn's instance would keep node's event loop alive.
export async function finish(device, parts) {
  await device.queue.onSubmittedWorkDone();
  if (device.failures.length) throw new Error(device.failures.join('\n'));
  writeFileSync(output, Buffer.concat(parts));
  console.log('done');
  device.destroy();
  process.exit(0);
}
