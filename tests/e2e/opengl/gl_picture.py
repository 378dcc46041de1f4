#!/usr/bin/env python3
"""A picture by OpenGL: textures with mipmaps, depth, stencil, blending, scissor, a frame buffer object.

usage: gl_picture.py gl|es pbuffer|window FILE

Written against libEGL and libGLESv2 / libOpenGL through ctypes, with what OpenGL 2.1 and OpenGL ES 2.0 have in common,
so that it runs on every driver. Prints the renderer, writes the pixels that glReadPixels gives (RGBA rows from the
bottom) to FILE; "window" shows them in a window too, prints "shown" and stays for a few seconds.
"""

import ctypes
import struct
import sys
import time

SIZE = 256
egl = ctypes.CDLL("libEGL.so.1")
for name in ("eglGetDisplay", "eglCreateContext", "eglCreatePbufferSurface", "eglCreateWindowSurface",
             "eglGetProcAddress"):
    getattr(egl, name).restype = ctypes.c_void_p
EGL = {"SURFACE_TYPE": 0x3033, "PBUFFER": 1, "WINDOW": 4, "RENDERABLE_TYPE": 0x3040, "ES2": 4, "OPENGL": 8,
       "RED": 0x3024, "GREEN": 0x3023, "BLUE": 0x3022, "DEPTH": 0x3025, "STENCIL": 0x3026, "NONE": 0x3038,
       "WIDTH": 0x3057, "HEIGHT": 0x3056, "ES_API": 0x30A0, "GL_API": 0x30A2, "CLIENT_VERSION": 0x3098}


def check(value, what):
    if not value:
        sys.exit(f"{what} failed: EGL error {egl.eglGetError():#x}")
    return value


def ints(*values):
    return (ctypes.c_int * len(values))(*values)


class Window:
    """An X11 window of that size at the screen's corner, if it is wanted."""

    def __init__(self):
        self.x11 = ctypes.CDLL("libX11.so.6")
        self.x11.XOpenDisplay.restype = self.x11.XDefaultRootWindow.restype = ctypes.c_ulong
        self.x11.XCreateSimpleWindow.restype = ctypes.c_ulong
        self.display = ctypes.c_void_p(check(self.x11.XOpenDisplay(None), "XOpenDisplay"))
        root = ctypes.c_ulong(self.x11.XDefaultRootWindow(self.display))
        self.window = ctypes.c_ulong(self.x11.XCreateSimpleWindow(self.display, root, 0, 0, SIZE, SIZE, 0, 0, 0))
        self.x11.XMapWindow(self.display, self.window)
        self.x11.XSync(self.display, 0)


def open_context(kind, window):
    display = ctypes.c_void_p(check(egl.eglGetDisplay(window.display if window else None), "eglGetDisplay"))
    check(egl.eglInitialize(display, None, None), "eglInitialize")
    check(egl.eglBindAPI(EGL["ES_API" if kind == "es" else "GL_API"]), "eglBindAPI")
    wanted = ints(EGL["SURFACE_TYPE"], EGL["WINDOW" if window else "PBUFFER"], EGL["RENDERABLE_TYPE"],
                  EGL["ES2" if kind == "es" else "OPENGL"], EGL["RED"], 8, EGL["GREEN"], 8, EGL["BLUE"], 8,
                  EGL["DEPTH"], 24, EGL["STENCIL"], 8, EGL["NONE"])
    config, count = ctypes.c_void_p(), ctypes.c_int()
    check(egl.eglChooseConfig(display, wanted, ctypes.byref(config), 1, ctypes.byref(count)) and count.value,
          "eglChooseConfig")
    context = ints(EGL["CLIENT_VERSION"], 2, EGL["NONE"]) if kind == "es" else ints(EGL["NONE"])
    context = ctypes.c_void_p(check(egl.eglCreateContext(display, config, None, context), "eglCreateContext"))
    if window:
        surface = egl.eglCreateWindowSurface(display, config, window.window, None)
    else:
        surface = egl.eglCreatePbufferSurface(display, config, ints(EGL["WIDTH"], SIZE, EGL["HEIGHT"], SIZE,
                                                                    EGL["NONE"]))
    surface = ctypes.c_void_p(check(surface, "surface"))
    check(egl.eglMakeCurrent(display, surface, surface, context), "eglMakeCurrent")
    return display, surface


class Gl:
    """gl.Name(...): the function, by the address that EGL gives; numbers with a fraction are floats."""

    def __getattr__(self, name):
        address = check(egl.eglGetProcAddress(("gl" + name).encode()), "gl" + name)
        result = ctypes.c_char_p if name in ("GetString",) else ctypes.c_int

        def call(*arguments):
            kinds = [ctypes.c_float if isinstance(a, float) else ctypes.c_void_p if a is None or isinstance(
                a, (ctypes.Array, bytes)) else ctypes.c_uint for a in arguments]
            values = [ctypes.cast(a, ctypes.c_void_p) if isinstance(a, (ctypes.Array, bytes)) else a
                      for a in arguments]
            return ctypes.CFUNCTYPE(result, *kinds)(address)(*values)
        return call


gl = Gl()
VERTEX = """
attribute vec3 position;
attribute vec2 where;
varying vec2 place;
uniform float turn;
void main() {
  mat2 rotation = mat2(cos(turn), sin(turn), -sin(turn), cos(turn));
  place = where;
  gl_Position = vec4(rotation * position.xy, position.z, 1.0);
}
"""
FRAGMENT = """
#ifdef GL_ES
precision highp float;
#endif
varying vec2 place;
uniform sampler2D image;
uniform vec4 colour;
void main() { gl_FragColor = texture2D(image, place * 3.0) * colour; }
"""


def program():
    made = gl.CreateProgram()
    for kind, text in ((0x8B31, VERTEX), (0x8B30, FRAGMENT)):
        shader = gl.CreateShader(kind)
        source = (ctypes.c_char_p * 1)(text.encode())
        gl.ShaderSource(shader, 1, source, None)
        gl.CompileShader(shader)
        gl.AttachShader(made, shader)
    gl.BindAttribLocation(made, 0, b"position")
    gl.BindAttribLocation(made, 1, b"where")
    gl.LinkProgram(made)
    linked = ctypes.c_int()
    gl.GetProgramiv(made, 0x8B82, (ctypes.c_int * 1).from_buffer(linked))
    if not linked.value:
        sys.exit("the shaders do not link")
    gl.UseProgram(made)
    return made


def texture():
    """A checkered texture of 64 by 64 with all its mipmaps."""
    name = (ctypes.c_uint * 1)()
    gl.GenTextures(1, name)
    gl.BindTexture(0x0DE1, name[0])
    pixels = b"".join(bytes((255 * ((x // 8 + y // 8) % 2), x * 4, y * 4, 255)) for y in range(64) for x in range(64))
    gl.TexImage2D(0x0DE1, 0, 0x1908, 64, 64, 0, 0x1908, 0x1401, pixels)
    gl.GenerateMipmap(0x0DE1)
    gl.TexParameteri(0x0DE1, 0x2801, 0x2703)
    gl.TexParameteri(0x0DE1, 0x2800, 0x2601)
    return name[0]


def rendered_texture(made):
    """A texture that is rendered to by a frame buffer object."""
    name, frame = (ctypes.c_uint * 1)(), (ctypes.c_uint * 1)()
    gl.GenTextures(1, name)
    gl.BindTexture(0x0DE1, name[0])
    gl.TexImage2D(0x0DE1, 0, 0x1908, 64, 64, 0, 0x1908, 0x1401, None)
    gl.TexParameteri(0x0DE1, 0x2801, 0x2601)
    gl.GenFramebuffers(1, frame)
    gl.BindFramebuffer(0x8D40, frame[0])
    gl.FramebufferTexture2D(0x8D40, 0x8CE0, 0x0DE1, name[0], 0)
    if gl.CheckFramebufferStatus(0x8D40) & 0xFFFFFFFF != 0x8CD5:
        sys.exit("the frame buffer object is not complete")
    gl.Viewport(0, 0, 64, 64)
    gl.ClearColor(0.2, 0.4, 0.1, 1.0)
    gl.Clear(0x4000)
    gl.BindTexture(0x0DE1, texture())
    draw(made, 0.4, 0.0, (1.0, 0.5, 0.25, 1.0))
    gl.BindFramebuffer(0x8D40, 0)
    gl.Viewport(0, 0, SIZE, SIZE)
    gl.BindTexture(0x0DE1, name[0])


def draw(made, turn, depth, colour):
    corners = ((-0.8, -0.7), (0.9, -0.6), (0.1, 0.85))
    data = b"".join(struct.pack("5f", x, y, depth + 0.3 * x, (x + 1) / 2, (y + 1) / 2) for x, y in corners)
    buffer = (ctypes.c_uint * 1)()
    gl.GenBuffers(1, buffer)
    gl.BindBuffer(0x8892, buffer[0])
    gl.BufferData(0x8892, len(data), data, 0x88E4)
    for index, (count, offset) in enumerate(((3, 0), (2, 12))):
        gl.EnableVertexAttribArray(index)
        gl.VertexAttribPointer(index, count, 0x1406, 0, 20, offset)
    gl.Uniform1f(gl.GetUniformLocation(made, b"turn"), turn)
    gl.Uniform4f(gl.GetUniformLocation(made, b"colour"), *colour)
    gl.DrawArrays(4, 0, 3)


def picture():
    made = program()
    rendered_texture(made)
    gl.ClearColor(0.1, 0.2, 0.3, 1.0)
    gl.Clear(0x4000 | 0x0100 | 0x0400)
    gl.Enable(0x0B71)  # depth
    draw(made, 0.0, 0.0, (1.0, 1.0, 1.0, 1.0))
    gl.Enable(0x0BE2)  # blending
    gl.BlendFunc(0x0302, 0x0303)
    draw(made, 2.0, 0.1, (0.9, 0.3, 1.0, 0.5))
    gl.Disable(0x0B71)
    gl.Enable(0x0B90)  # stencil: where the third triangle is, the fourth is not
    gl.StencilFunc(0x0207, 1, 255)
    gl.StencilOp(0x1E00, 0x1E00, 0x1E01)
    draw(made, 4.0, 0.0, (0.3, 1.0, 0.6, 0.6))
    gl.StencilFunc(0x0205, 1, 255)
    draw(made, 5.0, 0.0, (1.0, 0.9, 0.1, 0.7))
    gl.Disable(0x0B90)
    gl.Enable(0x0C11)  # scissor
    gl.Scissor(10, 20, 50, 30)
    gl.ClearColor(0.9, 0.1, 0.4, 1.0)
    gl.Clear(0x4000)
    pixels = (ctypes.c_ubyte * (SIZE * SIZE * 4))()
    gl.ReadPixels(0, 0, SIZE, SIZE, 0x1908, 0x1401, pixels)
    if gl.GetError():
        sys.exit("OpenGL reports an error")
    return bytes(pixels)


def main():
    kind, target, path = sys.argv[1:]
    window = Window() if target == "window" else None
    display, surface = open_context(kind, window)
    print(f"renderer: {gl.GetString(0x1F01).decode()}\nversion: {gl.GetString(0x1F02).decode()}", flush=True)
    pixels = picture()
    with open(path, "wb") as file:
        file.write(pixels)
    if window:
        check(egl.eglSwapBuffers(display, surface), "eglSwapBuffers")
        print("shown", flush=True)
        time.sleep(20)


if __name__ == "__main__":
    main()
