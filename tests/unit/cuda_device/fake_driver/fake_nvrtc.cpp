// SPDX-License-Identifier: Apache-2.0
// libnvrtc for tests: programs become shared libraries by the host's compiler.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace {

struct Program {
  std::string source;
  std::string name;
  std::string image;
  std::string log;
};

int build(Program& program) {
  if (program.name == "kernels.cu") {
    program.image = "kernels";
    return 0;
  }
  char folder[] = "/tmp/tandem_fake_nvrtc_XXXXXX";
  if (::mkdtemp(folder) == nullptr) return 1;
  const std::string base = std::string(folder) + "/program";
  std::ofstream(base + ".cpp") << program.source;
  std::ostringstream command;
  command << TANDEM_CXX << " -std=c++20 -O0 -ffp-contract=off -fPIC -shared -w " << TANDEM_INCLUDES
          << ' ' << base << ".cpp -o " << base << ".so > " << base << ".log 2>&1";
  const int status = std::system(command.str().c_str());
  std::ifstream log(base + ".log");
  program.log.assign(std::istreambuf_iterator<char>(log), {});
  // The fake driver takes the file's name from behind the magic bytes.
  program.image = "\177ELF" + base + ".so";
  program.image += '\0';
  return status == 0 ? 0 : 6;
}

}  // namespace

extern "C" {

int nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return 0;
}
const char* nvrtcGetErrorString(int) { return "as the test asked"; }
int nvrtcGetNumSupportedArchs(int* count) {
  *count = 1;
  return 0;
}
int nvrtcGetSupportedArchs(int* archs) {
  *archs = 90;
  return 0;
}
int nvrtcCreateProgram(Program** program, const char* source, const char* name, int, const char**,
                       const char**) {
  *program = new Program{source, name, {}, {}};
  return 0;
}
int nvrtcCompileProgram(Program* program, int, const char**) { return build(*program); }
int nvrtcGetProgramLogSize(Program* program, std::size_t* size) {
  *size = program->log.size() + 1;
  return 0;
}
int nvrtcGetProgramLog(Program* program, char* log) {
  std::memcpy(log, program->log.c_str(), program->log.size() + 1);
  return 0;
}
int nvrtcGetCUBINSize(Program* program, std::size_t* size) {
  *size = program->image.size();
  return 0;
}
int nvrtcGetCUBIN(Program* program, char* image) {
  std::memcpy(image, program->image.data(), program->image.size());
  return 0;
}
int nvrtcGetPTXSize(Program* program, std::size_t* size) {
  return nvrtcGetCUBINSize(program, size);
}
int nvrtcGetPTX(Program* program, char* image) { return nvrtcGetCUBIN(program, image); }
int nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return 0;
}

}  // extern "C"
