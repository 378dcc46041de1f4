// A small Direct3D 11 program: clears a texture, draws a triangle into it with shaders of its own, reads it back.
//
// usage: triangle.exe OUT.ppm
//
// Prints the feature level and the adapter. Ends with the number of the line that failed.
#define COBJMACROS
#define INITGUID
#include <d3d11.h>
#include <d3dcompiler.h>
#include <stdio.h>
#include <string.h>

#define TRY(expression)                                                             \
  do {                                                                              \
    const HRESULT result = (expression);                                            \
    if (FAILED(result)) {                                                           \
      printf("line %d: %#lx: %s\n", __LINE__, (unsigned long)result, #expression);  \
      return __LINE__;                                                              \
    }                                                                               \
  } while (0)

enum { kSize = 256 };

static const char kShaders[] =
    "cbuffer Constants : register(b0) { float4 tint; float2 offset; };\n"
    "struct Varying { float4 position : SV_Position; float3 colour : COLOR; };\n"
    "Varying vertex(float2 position : POSITION, float3 colour : COLOR) {\n"
    "  Varying result;\n"
    "  result.position = float4(position + offset, 0.5, 1);\n"
    "  result.colour = colour;\n"
    "  return result;\n"
    "}\n"
    "float4 pixel(Varying input) : SV_Target { return float4(input.colour, 1) * tint; }\n";

static const float kVertices[] = {
    0.0f,  0.8f,  1, 0, 0,  //
    0.8f,  -0.8f, 0, 1, 0,  //
    -0.8f, -0.8f, 0, 0, 1,
};

static const float kConstants[8] = {1.0f, 0.5f, 0.75f, 1.0f, 0.125f, 0.0f};

static ID3D11Device* device;
static ID3D11DeviceContext* context;

static int compile(const char* entry, const char* target, ID3DBlob** code) {
  ID3DBlob* messages = NULL;
  const HRESULT result = D3DCompile(kShaders, sizeof kShaders - 1, "triangle.hlsl", NULL, NULL, entry, target, 0, 0, code,
                                    &messages);
  if (FAILED(result) && messages != NULL) printf("%s\n", (const char*)ID3D10Blob_GetBufferPointer(messages));
  TRY(result);
  return 0;
}

static int open_device(void) {
  D3D_FEATURE_LEVEL level = 0;
  TRY(D3D11CreateDevice(NULL, D3D_DRIVER_TYPE_HARDWARE, NULL, 0, NULL, 0, D3D11_SDK_VERSION, &device, &level, &context));
  IDXGIDevice* dxgi = NULL;
  IDXGIAdapter* adapter = NULL;
  DXGI_ADAPTER_DESC description;
  TRY(ID3D11Device_QueryInterface(device, &IID_IDXGIDevice, (void**)&dxgi));
  TRY(IDXGIDevice_GetAdapter(dxgi, &adapter));
  TRY(IDXGIAdapter_GetDesc(adapter, &description));
  printf("level %x\nadapter %ls\n", (unsigned)level, description.Description);
  return 0;
}

static int buffer(const void* data, UINT size, UINT bind, ID3D11Buffer** made) {
  const D3D11_BUFFER_DESC description = {.ByteWidth = size, .Usage = D3D11_USAGE_DEFAULT, .BindFlags = bind};
  const D3D11_SUBRESOURCE_DATA initial = {.pSysMem = data};
  TRY(ID3D11Device_CreateBuffer(device, &description, &initial, made));
  return 0;
}

static int prepare_pipeline(void) {
  ID3DBlob *vertex_code = NULL, *pixel_code = NULL;
  int line = compile("vertex", "vs_5_0", &vertex_code);
  if (line == 0) line = compile("pixel", "ps_5_0", &pixel_code);
  if (line != 0) return line;
  ID3D11VertexShader* vertex_shader = NULL;
  ID3D11PixelShader* pixel_shader = NULL;
  TRY(ID3D11Device_CreateVertexShader(device, ID3D10Blob_GetBufferPointer(vertex_code),
                                      ID3D10Blob_GetBufferSize(vertex_code), NULL, &vertex_shader));
  TRY(ID3D11Device_CreatePixelShader(device, ID3D10Blob_GetBufferPointer(pixel_code),
                                     ID3D10Blob_GetBufferSize(pixel_code), NULL, &pixel_shader));
  const D3D11_INPUT_ELEMENT_DESC elements[] = {
      {"POSITION", 0, DXGI_FORMAT_R32G32_FLOAT, 0, 0, D3D11_INPUT_PER_VERTEX_DATA, 0},
      {"COLOR", 0, DXGI_FORMAT_R32G32B32_FLOAT, 0, 8, D3D11_INPUT_PER_VERTEX_DATA, 0},
  };
  ID3D11InputLayout* layout = NULL;
  TRY(ID3D11Device_CreateInputLayout(device, elements, 2, ID3D10Blob_GetBufferPointer(vertex_code),
                                     ID3D10Blob_GetBufferSize(vertex_code), &layout));
  ID3D11Buffer *vertices = NULL, *constants = NULL;
  line = buffer(kVertices, sizeof kVertices, D3D11_BIND_VERTEX_BUFFER, &vertices);
  if (line == 0) line = buffer(kConstants, sizeof kConstants, D3D11_BIND_CONSTANT_BUFFER, &constants);
  if (line != 0) return line;
  const UINT stride = 5 * sizeof(float), offset = 0;
  const D3D11_VIEWPORT viewport = {0, 0, kSize, kSize, 0, 1};
  ID3D11DeviceContext_IASetInputLayout(context, layout);
  ID3D11DeviceContext_IASetPrimitiveTopology(context, D3D11_PRIMITIVE_TOPOLOGY_TRIANGLELIST);
  ID3D11DeviceContext_IASetVertexBuffers(context, 0, 1, &vertices, &stride, &offset);
  ID3D11DeviceContext_VSSetShader(context, vertex_shader, NULL, 0);
  ID3D11DeviceContext_PSSetShader(context, pixel_shader, NULL, 0);
  ID3D11DeviceContext_VSSetConstantBuffers(context, 0, 1, &constants);
  ID3D11DeviceContext_PSSetConstantBuffers(context, 0, 1, &constants);
  ID3D11DeviceContext_RSSetViewports(context, 1, &viewport);
  return 0;
}

static int draw_and_read(FILE* out) {
  D3D11_TEXTURE2D_DESC description = {kSize, kSize, 1, 1, DXGI_FORMAT_R8G8B8A8_UNORM, {1, 0}, D3D11_USAGE_DEFAULT,
                                      D3D11_BIND_RENDER_TARGET, 0, 0};
  ID3D11Texture2D *target = NULL, *staging = NULL;
  ID3D11RenderTargetView* view = NULL;
  TRY(ID3D11Device_CreateTexture2D(device, &description, NULL, &target));
  TRY(ID3D11Device_CreateRenderTargetView(device, (ID3D11Resource*)target, NULL, &view));
  description.Usage = D3D11_USAGE_STAGING;
  description.BindFlags = 0;
  description.CPUAccessFlags = D3D11_CPU_ACCESS_READ;
  TRY(ID3D11Device_CreateTexture2D(device, &description, NULL, &staging));

  const float background[4] = {0.2f, 0.4f, 0.6f, 1.0f};
  ID3D11DeviceContext_ClearRenderTargetView(context, view, background);
  ID3D11DeviceContext_OMSetRenderTargets(context, 1, &view, NULL);
  ID3D11DeviceContext_Draw(context, 3, 0);
  ID3D11DeviceContext_CopyResource(context, (ID3D11Resource*)staging, (ID3D11Resource*)target);
  D3D11_MAPPED_SUBRESOURCE mapped;
  TRY(ID3D11DeviceContext_Map(context, (ID3D11Resource*)staging, 0, D3D11_MAP_READ, 0, &mapped));
  fprintf(out, "P6\n%d %d\n255\n", kSize, kSize);
  for (int y = 0; y < kSize; ++y) {
    const unsigned char* row = (const unsigned char*)mapped.pData + (size_t)y * mapped.RowPitch;
    for (int x = 0; x < kSize; ++x) fwrite(row + x * 4, 1, 3, out);
  }
  ID3D11DeviceContext_Unmap(context, (ID3D11Resource*)staging, 0);
  return 0;
}

int main(int argc, char** argv) {
  FILE* out = argc == 2 ? fopen(argv[1], "wb") : NULL;
  if (out == NULL) return 2;
  int line = open_device();
  if (line == 0) line = prepare_pipeline();
  if (line == 0) line = draw_and_read(out);
  if (fclose(out) != 0) return 3;
  return line == 0 ? 0 : 1;
}
