// A compute pass and a render pass of Dawn's WebGPU, both read back. Usage in support.mjs.
import { finish, makeDevice, readBack } from './support.mjs';

const device = await makeDevice();

async function compute() {
  const count = 4096;
  const input = new Uint32Array(count).map((_, i) => Math.imul(i, 2654435761));
  const source = device.createBuffer({ size: count * 4, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
  const target = device.createBuffer({ size: count * 4, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  device.queue.writeBuffer(source, 0, input);
  const module = device.createShaderModule({ code: `
    @group(0) @binding(0) var<storage, read> source: array<u32>;
    @group(0) @binding(1) var<storage, read_write> result: array<u32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      result[id.x] = source[${count - 1}u - id.x] ^ (id.x * 40503u);
    }` });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [
    { binding: 0, resource: { buffer: source } }, { binding: 1, resource: { buffer: target } }] });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(count / 64);
  pass.end();
  device.queue.submit([encoder.finish()]);
  const bytes = await readBack(device, target, count * 4);
  const words = new Uint32Array(bytes.buffer);
  for (let i = 0; i < count; ++i) {
    if (words[i] !== ((input[count - 1 - i] ^ Math.imul(i, 40503)) >>> 0)) throw new Error(`compute: word ${i} is wrong`);
  }
  return bytes;
}

async function render() {
  const size = 256;
  const texture = device.createTexture({ size: [size, size], format: 'rgba8unorm',
    usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC });
  const depth = device.createTexture({ size: [size, size], format: 'depth24plus', usage: GPUTextureUsage.RENDER_ATTACHMENT });
  const uniform = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(uniform, 0, new Float32Array([0.25, 0.5, 0.75, 1]));
  const module = device.createShaderModule({ code: `
    struct Out { @builtin(position) position: vec4f, @location(0) color: vec3f };
    @group(0) @binding(0) var<uniform> tint: vec4f;
    @vertex fn vertex(@builtin(vertex_index) v: u32, @builtin(instance_index) n: u32) -> Out {
      let angle = f32(v) * 2.0944 + f32(n) * 0.7;
      var out: Out;
      out.position = vec4f(cos(angle) * 0.8, sin(angle) * 0.8, f32(n) * 0.2 + f32(v) * 0.05, 1.0);
      out.color = vec3f(f32(v == 0u), f32(v == 1u), f32(n) / 3.0);
      return out;
    }
    @fragment fn fragment(in: Out) -> @location(0) vec4f { return vec4f(in.color * 0.75 + tint.rgb * 0.25, 1.0); }` });
  const pipeline = device.createRenderPipeline({ layout: 'auto',
    vertex: { module, entryPoint: 'vertex' },
    fragment: { module, entryPoint: 'fragment', targets: [{ format: 'rgba8unorm' }] },
    depthStencil: { format: 'depth24plus', depthWriteEnabled: true, depthCompare: 'less' } });
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: uniform } }] });
  const target = device.createBuffer({ size: size * size * 4, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginRenderPass({
    colorAttachments: [{ view: texture.createView(), clearValue: [0.1, 0.2, 0.3, 1], loadOp: 'clear', storeOp: 'store' }],
    depthStencilAttachment: { view: depth.createView(), depthClearValue: 1, depthLoadOp: 'clear', depthStoreOp: 'store' } });
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.draw(3, 4);
  pass.end();
  encoder.copyTextureToBuffer({ texture }, { buffer: target, bytesPerRow: size * 4 }, [size, size]);
  device.queue.submit([encoder.finish()]);
  const bytes = await readBack(device, target, size * size * 4);
  if (new Set(new Uint32Array(bytes.buffer)).size < 1000) throw new Error('render: too few colours');
  return bytes;
}

await finish(device, [await compute(), await render()]);
