// While it lives, this thread treats denormal numbers as zero; then the caller's mode is back.
#pragma once

namespace pellucid {

class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
  FlushDenormals(FlushDenormals&&) = delete;
  FlushDenormals& operator=(FlushDenormals&&) = delete;

 private:
  unsigned int previous_;
};

}  // namespace pellucid
