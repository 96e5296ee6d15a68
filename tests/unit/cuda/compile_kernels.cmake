# Compiles cuda/kernels/kernels.cu as cmake -DNVCC=... -DSOURCE=repository -DOUTPUT=file -P this, prints what each kernel
# takes, and fails for warnings and for kernels that spill registers.
execute_process(
  COMMAND ${NVCC} -std=c++20 -O3 -arch=sm_90 -fmad=false -ftz=false -prec-div=true -prec-sqrt=true -cubin
          --Werror all-warnings -Xptxas -v -I${SOURCE}/cuda -I${SOURCE}/driver/include -I${SOURCE}/numerics/include
          ${SOURCE}/cuda/kernels/kernels.cu -o ${OUTPUT}
  RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
message("${text}")
if(NOT result EQUAL 0)
  message(FATAL_ERROR "nvcc ended with ${result}")
endif()
string(REGEX MATCHALL "Compiling entry function '[a-z0-9_]+'" kernels "${text}")
list(LENGTH kernels count)
if(NOT count EQUAL 12)
  message(FATAL_ERROR "expected the 12 kernels of launch.hpp, found ${count}")
endif()
string(REGEX MATCHALL "[1-9][0-9]* bytes (stack frame|spill)" spills "${text}")
if(spills)
  message(FATAL_ERROR "kernels spill registers: ${spills}")
endif()
