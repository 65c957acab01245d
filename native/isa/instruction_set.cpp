#include "isa/instruction_set.h"

namespace pellucid {

namespace generic {
extern const KernelTable kernel_table;
}

#ifdef PELLUCID_X86
namespace avx2 {
extern const KernelTable kernel_table;
}
namespace avx512 {
extern const KernelTable kernel_table;
}
#endif

namespace {

struct Compiled {
  InstructionSet set;
  bool (*runs_here)();
};

const std::vector<Compiled>& compiled() {
  static const std::vector<Compiled> list = {
      {{"generic", &generic::kernel_table}, [] { return true; }},
#ifdef PELLUCID_X86
      {{"avx2", &avx2::kernel_table},
       [] { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }},
      {{"avx512", &avx512::kernel_table},
       [] {
         return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0;
       }},
#endif
  };
  return list;
}

}  // namespace

std::vector<InstructionSet> available_instruction_sets() {
  std::vector<InstructionSet> sets;
  for (const Compiled& entry : compiled()) {
    if (entry.runs_here()) sets.push_back(entry.set);
  }
  return sets;
}

std::vector<std::string_view> compiled_instruction_sets() {
  std::vector<std::string_view> names;
  for (const Compiled& entry : compiled()) names.push_back(entry.set.name);
  return names;
}

std::vector<std::string> processor_features() {
  std::vector<std::string> features;
#ifdef PELLUCID_X86
#define PELLUCID_FEATURE(name) \
  if (__builtin_cpu_supports(name)) features.emplace_back(name);
  PELLUCID_FEATURE("sse2")
  PELLUCID_FEATURE("avx")
  PELLUCID_FEATURE("avx2")
  PELLUCID_FEATURE("fma")
  PELLUCID_FEATURE("avx512f")
  PELLUCID_FEATURE("avx512bw")
  PELLUCID_FEATURE("avx512dq")
  PELLUCID_FEATURE("avx512vl")
#undef PELLUCID_FEATURE
#endif
  return features;
}

}  // namespace pellucid
