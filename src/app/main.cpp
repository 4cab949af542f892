#include "espalier/app/program.hpp"

int main(int argc, char** argv) {
  espalier::app::prepare_process();
  return espalier::app::run_program(argc, argv, espalier::studies::built_in());
}
