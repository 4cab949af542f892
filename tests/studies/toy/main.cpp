// espalier with one study more.
#include "espalier/app/program.hpp"
#include "studies/toy/toy.hpp"

int main(int argc, char** argv) {
  espalier::app::prepare_process();
  espalier::studies::Registry studies = espalier::studies::built_in();
  studies.add(espalier::test::make_toy());
  return espalier::app::run_program(argc, argv, studies);
}
