"""hyperpy ctl: the command line client, one file per verb."""
