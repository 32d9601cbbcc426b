"""hyperpy ctl: the command line client, one file per verb. Flags and messages are kubectl's."""
