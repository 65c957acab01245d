# The instruction sets that the kernels are compiled for: name, lanes, vector registers, compiler flags.
# pellucid_kernels(TARGET SOURCES...) compiles the sources once for each and adds them to the target.
# pellucid_check_loops(TARGET) lets the target fail where a hot loop of its kernels touches the stack.
set(PELLUCID_INSTRUCTION_SETS generic)
set(PELLUCID_generic_SHAPE PELLUCID_LANES=4 PELLUCID_REGISTERS=16)
set(PELLUCID_generic_FLAGS "")
# Those whose disassembly native/spills.py can read.
set(PELLUCID_CHECKED_SETS "")

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND PELLUCID_INSTRUCTION_SETS avx2 avx512)
  set(PELLUCID_CHECKED_SETS avx2 avx512)
  set(PELLUCID_avx2_SHAPE PELLUCID_LANES=8 PELLUCID_REGISTERS=16)
  set(PELLUCID_avx2_FLAGS -mavx2 -mfma)
  set(PELLUCID_avx512_SHAPE PELLUCID_LANES=16 PELLUCID_REGISTERS=32)
  set(PELLUCID_avx512_FLAGS -mavx2 -mfma -mavx512f -mavx512vl -mavx512bw -mavx512dq -mprefer-vector-width=512)
endif()

function(pellucid_kernels target)
  foreach(isa IN LISTS PELLUCID_INSTRUCTION_SETS)
    add_library(kernels_${isa} OBJECT ${ARGN})
    target_include_directories(kernels_${isa} PRIVATE ${CMAKE_SOURCE_DIR}/native)
    target_compile_definitions(kernels_${isa} PRIVATE PELLUCID_ISA=${isa} ${PELLUCID_${isa}_SHAPE})
    # Contraction is what makes fused multiply-adds; errno and traps are what stop loops from vectorising.
    target_compile_options(kernels_${isa} PRIVATE ${PELLUCID_${isa}_FLAGS} ${PELLUCID_WARNINGS} -O3
      -fno-math-errno -fno-trapping-math -fno-signed-zeros -ffp-contract=fast -fvisibility=hidden -Wno-psabi)
    set_target_properties(kernels_${isa} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:kernels_${isa}>)
  endforeach()
endfunction()

function(pellucid_check_loops target)
  find_program(PELLUCID_OBJDUMP NAMES ${CMAKE_OBJDUMP} objdump)
  if(NOT PELLUCID_OBJDUMP)
    message(STATUS "There is no objdump, so hot loops are not checked for the stack")
    return()
  endif()
  foreach(isa IN LISTS PELLUCID_CHECKED_SETS)
    set(checked ${CMAKE_BINARY_DIR}/checked_loops_${isa})
    add_custom_command(OUTPUT ${checked}
      COMMAND Python::Interpreter ${CMAKE_SOURCE_DIR}/native/spills.py --objdump ${PELLUCID_OBJDUMP}
              $<TARGET_OBJECTS:kernels_${isa}>
      COMMAND ${CMAKE_COMMAND} -E touch ${checked}
      DEPENDS ${CMAKE_SOURCE_DIR}/native/spills.py $<TARGET_OBJECTS:kernels_${isa}>
      COMMENT "Checking the hot loops of ${isa} kernels for the stack"
      COMMAND_EXPAND_LISTS VERBATIM)
    add_custom_target(check_loops_${isa} DEPENDS ${checked})
    add_dependencies(${target} check_loops_${isa})
  endforeach()
endfunction()
